import { DrcError, isErrorCode, jsonRequest, type JsonAnswer, type Transport } from '@drc/protocol';
import { z } from 'zod';

export interface SistersOptions {
  readonly clusterManagers: readonly string[];
  readonly machineKey: string;
  readonly transport: () => Promise<Transport>;
  readonly topic: string;
  /** Of what is captured: the other stores must capture the same. */
  readonly captureDigest: string;
  readonly signal: AbortSignal;
}

export interface Sister {
  readonly id: string;
  readonly address: string;
  readonly lineage: string;
}

/** The other stores of the topic, and what they let one in with. */
export interface Sisters {
  /** Best first. */
  readonly stores: readonly Sister[];
  /** No other one is alive. */
  readonly complete: boolean;
  readonly ticket: string;
  /** ms since 1970 */
  readonly ticketExpiresAt: number;
}

const answerShape = z.object({
  stores: z.array(z.object({ id: z.string(), address: z.string(), lineage: z.string() })),
  complete: z.boolean(),
  ticket: z.string(),
  ticketExpiresAt: z.number(),
});
const errorShape = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

const timeoutMs = 5_000;
const maxAnswerBytes = 1024 * 1024;

/**
 * Asks the managers, one after the other, until one answers.
 * @throws DrcError what a manager says of the store (`UNAUTHENTICATED`, `FORBIDDEN`, `TOPIC_CONFIG_MISMATCH`);
 * `MANAGER_UNREACHABLE` where none answers; the signal's reason
 */
export async function findSisters(options: SistersOptions): Promise<Sisters> {
  let failure: DrcError | undefined;
  for (const manager of options.clusterManagers) {
    try {
      return await ask(manager, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof DrcError)) throw error;
      // What a manager says of the store tells more than that another one does not answer.
      if (failure === undefined || failure.retryable) failure = error;
    }
  }
  throw failure ?? new DrcError('MANAGER_UNREACHABLE', 'No cluster manager is configured.');
}

async function ask(
  manager: string,
  { machineKey, transport, topic, captureDigest, signal }: SistersOptions,
): Promise<Sisters> {
  const answer = await jsonRequest(manager, {
    ...(await transport()),
    method: 'POST',
    path: `/v1/topics/${encodeURIComponent(topic)}/sisters`,
    token: machineKey,
    body: { captureDigest },
    signal,
    timeoutMs,
    maxAnswerBytes,
  });
  const value = valueOf(answer);
  const found = answerShape.safeParse(value);
  if (answer.status === 200 && found.success) return found.data;
  const refused = errorShape.safeParse(value);
  // A manager of an older version has no such address.
  if (refused.success && isErrorCode(refused.data.error.code) && answer.status !== 404)
    throw new DrcError(refused.data.error.code, refused.data.error.message, { status: answer.status });
  throw new DrcError('MANAGER_UNREACHABLE', `${manager} answered with status ${answer.status}.`, { manager });
}

function valueOf({ text }: JsonAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
