import { DrcError } from '@drc/protocol';
import type { Clock } from './clock.js';
import type { Principal } from './grants.js';
import { isSecretOf, looksLikeMachineKey, parseMachineKey } from './machine-key.js';
import type { PasswordHasher } from './password.js';
import type { MachineKeyRecord } from './registry/records.js';
import type { Registry } from './registry/registry.js';
import type { SignedToken, Tickets } from './tickets.js';
import { TokenBuckets } from './token-buckets.js';

export interface AuthenticatorOptions {
  readonly registry: Registry;
  readonly tickets: Tickets;
  readonly passwords: PasswordHasher;
  readonly clock: Clock;
}

/** Who is it? Name and password, a login token, or a machine key; anything else is `UNAUTHENTICATED`. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** Only failures use these up, so a fleet of readers with one name can log in at once. */
  readonly #byName: TokenBuckets;
  readonly #byAddress: TokenBuckets;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#byName = new TokenBuckets({ capacity: 10, refillMs: 6_000, clock: options.clock });
    this.#byAddress = new TokenBuckets({ capacity: 40, refillMs: 1_000, clock: options.clock });
  }

  /**
   * `UNAUTHENTICATED` says neither which of the two was wrong, nor, by the time it takes, whether the name is known.
   * `RATE_LIMITED` after ten wrong passwords for a name, or forty from an address; `retryAfterMs` says for how long.
   */
  async login(name: string, password: string, address: string): Promise<SignedToken> {
    const { registry, passwords, tickets } = this.#options;
    mustNotWait(this.#byAddress, address);
    mustNotWait(this.#byName, name);
    const user = (await registry.get('user', name))?.value;
    if (!(await passwords.verify(password, user?.password)) || user === undefined) {
      this.#byAddress.take(address);
      this.#byName.take(name);
      throw new DrcError('UNAUTHENTICATED', 'Name or password is wrong.');
    }
    return tickets.loginToken({ user: user.name, credential: user.credential });
  }

  /** @param authorization the request's header: `Bearer`, then a login token or a machine key. */
  async principal(authorization: string | undefined): Promise<Principal> {
    const token = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) {
      throw new DrcError(
        'UNAUTHENTICATED',
        'The request needs the header Authorization: Bearer <token or key>.',
      );
    }
    return looksLikeMachineKey(token) ? this.#machine(token) : this.#user(token);
  }

  async #user(token: string): Promise<Principal> {
    const { user: name, credential } = this.#options.tickets.verifyLogin(token);
    const user = (await this.#options.registry.get('user', name))?.value;
    if (user === undefined || user.credential !== credential) {
      throw new DrcError('UNAUTHENTICATED', 'The token is not valid, or no longer.');
    }
    return { kind: 'user', name: user.name, administrator: user.administrator, reads: user.reads };
  }

  async #machine(token: string): Promise<Principal> {
    const key = parseMachineKey(token);
    const record =
      key === undefined ? undefined : (await this.#options.registry.get('machineKey', key.id))?.value;
    if (key === undefined || !isSecretOf(key.secret, record) || record === undefined) {
      throw new DrcError('UNAUTHENTICATED', 'The machine key is not valid, or no longer.');
    }
    return machinePrincipal(record);
  }
}

function mustNotWait(buckets: TokenBuckets, key: string): void {
  const retryAfterMs = buckets.wait(key);
  if (retryAfterMs > 0) throw new DrcError('RATE_LIMITED', 'Too many wrong passwords.', { retryAfterMs });
}

/** A user cannot be called that: names begin with a letter or digit and hold no colon. */
const machinePrincipal = (record: MachineKeyRecord): Principal =>
  record.kind === 'store'
    ? { kind: 'store', name: `machine:${record.id}`, topics: record.topics }
    : { kind: 'client', name: `machine:${record.id}`, reads: record.reads };
