import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import { z } from 'zod';
import { KeptFile } from './kept-file.js';

/** A public P-256 key as the managers announce it (RFC 7517, RFC 7518 section 6.2). Anything private is refused. */
const publicKey = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  kid: z.string().min(1).max(200),
  alg: z.literal('ES256').optional(),
  use: z.literal('sig').optional(),
  d: z.never().optional(),
});
const keySet = z.object({ cluster: z.string().min(1), keys: z.array(publicKey).min(1).max(32) });

export type PublicKey = z.infer<typeof publicKey>;

/**
 * The managers' public keys, by `kid`, and the name of the cluster that they sign for. Kept in a file, so that the store
 * can check tickets before it has reached any manager. A key that the managers no longer announce is gone.
 */
export class TicketKeys {
  readonly #file: KeptFile;
  #cluster: string | undefined;
  #keys: ReadonlyMap<string, KeyObject> = new Map();
  #text = '';

  private constructor(file: KeptFile, cluster: string | undefined) {
    this.#file = file;
    this.#cluster = cluster;
  }

  /**
   * @param file a JSON file in the data folder; may not exist yet. One that cannot be read is put aside with a warning:
   *   the next announcement brings the keys again, and until then nobody gets in.
   * @param cluster the configured name; undefined: the first announcement tells.
   */
  static async open(file: string, cluster: string | undefined, logger: Logger): Promise<TicketKeys> {
    const keys = new TicketKeys(new KeptFile(file), cluster);
    try {
      const text = await keys.#file.read();
      if (text !== undefined) keys.#take(JSON.parse(text));
    } catch (error) {
      logger.warn({ file, err: error }, 'The kept ticket keys cannot be used; waiting for a cluster manager');
    }
    return keys;
  }

  /** The cluster that tickets must be of; undefined while none is known. */
  get cluster(): string | undefined {
    return this.#cluster;
  }

  get(kid: string): KeyObject | undefined {
    return this.#keys.get(kid);
  }

  get size(): number {
    return this.#keys.size;
  }

  /**
   * Takes what a manager announced in place of what was known, and keeps it.
   * @throws DrcError `UNAUTHENTICATED` where it is another cluster's, or no set of public keys.
   */
  async replace(announced: { readonly cluster: string; readonly keys: readonly unknown[] }): Promise<void> {
    if (!this.#take(announced)) return;
    await this.#file.replace(this.#text);
  }

  /** False where nothing changed. */
  #take(value: unknown): boolean {
    const parsed = keySet.safeParse(value);
    if (!parsed.success) {
      throw new DrcError('UNAUTHENTICATED', 'The announced keys are not a set of public P-256 keys.');
    }
    const { cluster, keys } = parsed.data;
    if (this.#cluster !== undefined && this.#cluster !== cluster) {
      throw new DrcError('UNAUTHENTICATED', `The keys are of cluster ${cluster}, not of ${this.#cluster}.`, {
        cluster,
      });
    }
    const text = JSON.stringify({ cluster, keys }, undefined, 2);
    if (text === this.#text) return false;
    const imported = keys.map((key) => [key.kid, importKey(key)] as const);
    this.#cluster = cluster;
    this.#keys = new Map(imported);
    this.#text = text;
    return true;
  }
}

function importKey(key: PublicKey): KeyObject {
  const { kty, crv, x, y } = key;
  const jwk: JsonWebKey = { kty, crv, x, y };
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw new DrcError('UNAUTHENTICATED', `The announced key ${key.kid} is not on its curve.`, {}, { cause });
  }
}
