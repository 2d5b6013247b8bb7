import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import type { Clock } from './clock.js';
import type { SigningKeyRecord } from './registry/records.js';
import type { Registry } from './registry/registry.js';
import { makeSigningKey, readSigningKey, writeSigningKey, type SigningKey } from './signing-key.js';

/*
 * The key that a manager signs with, and the next one. In its folder:
 *
 *   signing-key.pem        signed with
 *   signing-key.next.pem   while a rotation is under way: announced to the stores, not yet signed with
 *
 * In the registry the public halves of all managers; the one of a key that is signed with no more says until when its
 * signatures are good. A rotation goes: next file, its record; three leases later the old record's `until`, then the file takes
 * the place of the old one. Wherever a process ends in between, the next start goes on from there.
 */
export const signingKeyPath = (directory: string): string => join(directory, 'signing-key.pem');
const nextKeyPath = (directory: string): string => join(directory, 'signing-key.next.pem');

export interface SigningKeysOptions {
  /** The manager's folder. */
  readonly directory: string;
  readonly registry: Registry;
  readonly clock: Clock;
  /** ms in which every store that is alive has announced itself three times, and so learnt the keys. */
  readonly leaseMs: number;
  /** ms that the longest of what is signed is good. */
  readonly longestLifeMs: number;
  /** Told where the end of a rotation could not be written; it is tried again. */
  readonly failed?: (error: unknown) => void;
}

/** Between the clocks of managers and stores. */
const clockToleranceMs = 30_000;
/** One would do for stores that are alive; readers may be on one that is late with its announcement. */
const learningLeases = 3;
/** After an end of a rotation that could not be written. */
const tryAgainMs = 10_000;

interface Next {
  readonly key: SigningKey;
  /** When the stores could begin to learn it, on the monotonic clock. */
  readonly since: number;
}

/** What a manager signs with, and what the cluster's signatures are checked with. */
export class SigningKeys implements AsyncDisposable {
  readonly #options: SigningKeysOptions;
  #current: SigningKey;
  #next: Next | undefined;
  /** The end of a rotation, while it is being written. */
  #finishing: Promise<void> | undefined;
  /** On the monotonic clock. */
  #finishNotBefore = -Infinity;

  private constructor(options: SigningKeysOptions, current: SigningKey, next: Next | undefined) {
    this.#options = options;
    this.#current = current;
    this.#next = next;
  }

  /** `DATA_FOLDER` where the key is missing, or is not one of the registry's. */
  static async open(options: SigningKeysOptions): Promise<SigningKeys> {
    const { directory, registry, clock } = options;
    const current = await readSigningKey(signingKeyPath(directory));
    const next = await readSigningKey(nextKeyPath(directory), 'optional');
    const record = (await registry.get('signingKey', current.kid))?.value;
    if (next !== undefined) {
      if (record === undefined || record.until !== undefined) {
        await rename(nextKeyPath(directory), signingKeyPath(directory));
        await mustKnow(registry, next);
        return new SigningKeys(options, next, undefined);
      }
      await registry.put('signingKey', next.kid, next.publicKey, 'any');
    }
    await mustKnow(registry, current);
    const pending = next && { key: next, since: clock.monotonic() };
    return new SigningKeys(options, current, pending);
  }

  /** The key to sign with now. */
  get current(): SigningKey {
    const next = this.#next;
    if (next === undefined) return this.#current;
    const now = this.#options.clock.monotonic();
    if (now < next.since + learningLeases * this.#options.leaseMs) return this.#current;
    if (this.#finishing === undefined && now >= this.#finishNotBefore) {
      this.#finishing = this.#finish(this.#current, next.key)
        .catch((error: unknown) => {
          this.#finishNotBefore = now + tryAgainMs;
          this.#options.failed?.(error);
        })
        .finally(() => (this.#finishing = undefined));
    }
    return next.key;
  }

  /** Waits for what is being written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#finishing;
  }

  /** Begins a rotation. `REQUEST_INVALID` while one is under way. */
  async rotate(): Promise<SigningKey> {
    const { directory, registry, clock } = this.#options;
    await this.#finishing;
    if (this.#next !== undefined) {
      throw new DrcError(
        'REQUEST_INVALID',
        'A rotation is under way: the stores are learning the new key. Try again after three leases.',
        { reason: 'underWay', kid: this.#next.key.kid },
      );
    }
    await this.#forgetOld();
    const key = makeSigningKey();
    await writeSigningKey(nextKeyPath(directory), key);
    await registry.put('signingKey', key.kid, key.publicKey, 'absent');
    this.#next = { key, since: clock.monotonic() };
    return key;
  }

  /** Those whose signatures are good, of all managers. */
  async publicKeys(): Promise<readonly PublicKey[]> {
    const keys = await this.#options.registry.list('signingKey');
    return keys.filter(({ value }) => this.#isGood(value)).map(({ value }) => publicKeyOf(value));
  }

  #isGood({ until }: SigningKeyRecord): boolean {
    return until === undefined || until > this.#options.clock.now();
  }

  async #finish(old: SigningKey, next: SigningKey): Promise<void> {
    const { directory, registry, clock, longestLifeMs } = this.#options;
    const until = clock.now() + longestLifeMs + clockToleranceMs;
    await registry.put('signingKey', old.kid, { ...old.publicKey, until }, 'any');
    await rename(nextKeyPath(directory), signingKeyPath(directory));
    this.#current = next;
    this.#next = undefined;
  }

  async #forgetOld(): Promise<void> {
    const { registry } = this.#options;
    for (const { key, value } of await registry.list('signingKey'))
      if (!this.#isGood(value)) await registry.delete('signingKey', key, 'any');
  }
}

/** As it is announced. */
export type PublicKey = Omit<SigningKeyRecord, 'until'>;

const publicKeyOf = ({ until: _until, ...key }: SigningKeyRecord): PublicKey => key;

async function mustKnow(registry: Registry, { kid }: SigningKey): Promise<void> {
  if ((await registry.get('signingKey', kid)) !== undefined) return;
  throw new DrcError(
    'DATA_FOLDER',
    `The registry does not know the signing key (kid ${kid}): the two are of different folders.`,
    { reason: 'signingKey' },
  );
}
