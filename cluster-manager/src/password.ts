import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { DrcError } from '@drc/protocol';
import type { PasswordHash } from './registry/records.js';

/** How hard a password is to guess from its hash. See scrypt (RFC 7914): N, r, p. */
export interface PasswordCost {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

/** 32 MiB and some 0.2 s a guess: one of the settings that OWASP's password storage cheat sheet counts as equal. */
export const defaultPasswordCost: PasswordCost = { cost: 2 ** 15, blockSize: 8, parallelization: 3 };

const hashBytes = 32;
/** How many hashes are computed at once: each takes 32 MiB and one of libuv's four threads. */
const maxRunning = 2;
const maxWaiting = 64;

/** Hashes and compares passwords, a bounded number at a time. */
export class PasswordHasher {
  readonly #cost: PasswordCost;
  /** What unknown names are compared with, so that they take as long as known ones. */
  readonly #nobody: PasswordHash;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(cost: PasswordCost = defaultPasswordCost) {
    this.#cost = cost;
    this.#nobody = {
      algorithm: 'scrypt',
      ...cost,
      salt: randomBytes(16).toString('base64'),
      hash: randomBytes(hashBytes).toString('base64'),
    };
  }

  async hash(password: string): Promise<PasswordHash> {
    const salt = randomBytes(16);
    const hash = await this.#derive(password, salt, this.#cost);
    return {
      algorithm: 'scrypt',
      ...this.#cost,
      salt: salt.toString('base64'),
      hash: hash.toString('base64'),
    };
  }

  /** Whether the password is the one; with `undefined` (no such user) false, after the same work. */
  async verify(password: string, expected: PasswordHash | undefined): Promise<boolean> {
    const against = expected ?? this.#nobody;
    const hash = await this.#derive(password, Buffer.from(against.salt, 'base64'), against);
    const wanted = Buffer.from(against.hash, 'base64');
    const equal = wanted.length === hash.length && timingSafeEqual(wanted, hash);
    return equal && expected !== undefined;
  }

  async #derive(password: string, salt: Buffer, cost: PasswordCost): Promise<Buffer> {
    if (this.#running < maxRunning) {
      this.#running++;
    } else {
      if (this.#waiting.length >= maxWaiting) {
        throw new DrcError('RATE_LIMITED', 'Too many logins are being checked.', { retryAfterMs: 1000 });
      }
      // Whoever finishes hands its place over, so #running stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await derive(password, salt, cost);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

function derive(
  password: string,
  salt: Buffer,
  { cost, blockSize, parallelization }: PasswordCost,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = {
      N: cost,
      r: blockSize,
      p: parallelization,
      // scrypt needs 128·N·r bytes and a little more; node's default limit is 32 MiB.
      maxmem: 128 * cost * blockSize + 128 * blockSize * parallelization + 1024 * 1024,
    };
    // The same password typed on another system may come composed differently; NFKC makes it one (RFC 8265).
    scrypt(password.normalize('NFKC'), salt, hashBytes, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** 144 random bits, of letters that can be read aloud and double-clicked. */
export const generatePassword = (): string => randomBytes(18).toString('base64url').replaceAll(/[-_]/g, 'x');
