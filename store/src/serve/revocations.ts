import { DrcError, maxTicketGraceMs, type Revocation } from '@drc/protocol';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../clock.js';
import { KeptFile } from './kept-file.js';

/** What of a ticket decides whether it was taken back. */
export interface Revocable {
  readonly principal: string;
  /** ms since 1970 */
  readonly issuedAt: number;
  /** Id of the token that it was asked for with. */
  readonly via?: string | undefined;
}

const revocation = z.object({
  principal: z.string().min(1).max(256),
  tokenId: z.string().min(1).max(256).optional(),
  before: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
});
const revocationList = z.array(revocation).max(100_000);

/** No ticket that is older can be in use: its life, the grace after it, and clocks that differ. */
const keptMs = 3_600_000 + maxTicketGraceMs + 600_000;

/**
 * What the managers took back, kept in a file: a store that starts without a manager must not let in whom it threw out.
 * What was taken back once stays so: "issued before" does not become untrue, also where a manager that is behind the
 * others does not know of it yet.
 */
export class Revocations {
  readonly #file: KeptFile;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  /** By principal and token; only the newest of each is of use. */
  #entries: ReadonlyMap<string, Revocation> = new Map();

  private constructor(file: KeptFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /** @param path a JSON file in the data folder; may not exist yet. One that cannot be read is told of, and replaced. */
  static async open(path: string, clock: Clock, logger: Logger): Promise<Revocations> {
    const revocations = new Revocations(new KeptFile(path), clock);
    try {
      const text = await revocations.#file.read();
      if (text !== undefined) revocations.#include(revocationList.parse(JSON.parse(text)));
    } catch (error) {
      logger.warn(
        { file: path, err: error },
        'The kept revocations cannot be read; the next answer of a cluster manager brings them',
      );
    }
    return revocations;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether this ticket was taken back. */
  covers({ principal, issuedAt, via }: Revocable): boolean {
    if (this.#entries.size === 0) return false;
    const all = this.#entries.get(keyOf(principal, undefined));
    if (all !== undefined && issuedAt < all.before) return true;
    const own = via === undefined ? undefined : this.#entries.get(keyOf(principal, via));
    return own !== undefined && issuedAt < own.before;
  }

  /**
   * Takes what a manager told: listeners hear of it at once, the file has it when this resolves.
   * @throws DrcError `UNAUTHENTICATED` where it is no list of revocations.
   */
  async include(told: unknown): Promise<void> {
    const parsed = revocationList.safeParse(told);
    if (!parsed.success)
      throw new DrcError('UNAUTHENTICATED', 'The announced revocations are not what they must be.');
    if (!this.#include(parsed.data)) return;
    for (const listener of this.#listeners) listener();
    await this.#file.replace(JSON.stringify([...this.#entries.values()]));
  }

  /** Calls `listener` after each change, until it is disposed of. */
  watch(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** False where nothing is new. */
  #include(told: z.infer<typeof revocationList>): boolean {
    const oldest = this.#clock.now() - keptMs;
    const entries = new Map([...this.#entries].filter(([, { before }]) => before > oldest));
    let isNew = false;
    for (const { principal, tokenId, before } of told) {
      const key = keyOf(principal, tokenId);
      if (before <= oldest || before <= (entries.get(key)?.before ?? -1)) continue;
      entries.set(key, { principal, before, ...(tokenId === undefined ? {} : { tokenId }) });
      isNew = true;
    }
    this.#entries = entries;
    return isNew;
  }
}

const keyOf = (principal: string, tokenId: string | undefined): string =>
  JSON.stringify([principal, tokenId ?? null]);
