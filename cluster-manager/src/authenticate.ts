import { DrcError } from '@drc/protocol';
import { networkOf } from './client-network.js';
import { isSecretOf, looksLike, parseBearerSecret } from './bearer-secret.js';
import type { Clock } from './clock.js';
import type { Principal } from './grants.js';
import type { PasswordHasher } from './password.js';
import { machinePrincipal, principalRecord, userPrincipal } from './principals.js';
import type { Registry } from './registry/registry.js';
import type { SignedToken, Tickets } from './tickets.js';
import { TokenBuckets } from './token-buckets.js';

export interface AuthenticatorOptions {
  readonly registry: Registry;
  readonly tickets: Tickets;
  readonly passwords: PasswordHasher;
  readonly clock: Clock;
}

/**
 * Who is it? Name and password, a login token, a machine key, or a token; anything else is `UNAUTHENTICATED`, and so is
 * whoever was disabled.
 */
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
   * `RATE_LIMITED` after ten wrong passwords for a name, or forty from an address (of IPv6: from a network); `retryAfterMs` says for how long.
   */
  async login(name: string, password: string, address: string): Promise<SignedToken> {
    const { registry, passwords, tickets } = this.#options;
    const network = networkOf(address);
    mustNotWait(this.#byAddress, network);
    mustNotWait(this.#byName, name);
    const user = (await registry.get('user', name))?.value;
    const isRight = await passwords.verify(password, user?.password);
    if (!isRight || user === undefined || user.disabled) {
      this.#byAddress.take(network);
      this.#byName.take(name);
      throw new DrcError('UNAUTHENTICATED', 'Name or password is wrong.');
    }
    return tickets.loginToken({ user: user.name, credential: user.credential });
  }

  /** @param authorization the request's header: `Bearer`, then a login token, a machine key or a token. */
  async principal(authorization: string | undefined): Promise<Principal> {
    const token = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) {
      throw new DrcError(
        'UNAUTHENTICATED',
        'The request needs the header Authorization: Bearer <token or key>.',
      );
    }
    if (looksLike('drcmk', token)) return this.#machine(token);
    return looksLike('drctk', token) ? this.#bearerOfToken(token) : this.#user(token);
  }

  async #user(token: string): Promise<Principal> {
    const { registry, tickets } = this.#options;
    const { user: name, credential } = await tickets.verifyLogin(token);
    const user = (await registry.get('user', name))?.value;
    if (user === undefined || user.disabled || user.credential !== credential) throw notValid('token');
    return userPrincipal(registry, user);
  }

  async #machine(text: string): Promise<Principal> {
    const { registry } = this.#options;
    const key = parseBearerSecret('drcmk', text);
    const record = key === undefined ? undefined : (await registry.get('machineKey', key.id))?.value;
    if (key === undefined || !isSecretOf(key.secret, record) || record === undefined || record.disabled)
      throw notValid('machine key');
    return machinePrincipal(registry, record);
  }

  async #bearerOfToken(text: string): Promise<Principal> {
    const { registry, clock } = this.#options;
    const parsed = parseBearerSecret('drctk', text);
    const record = parsed === undefined ? undefined : (await registry.get('token', parsed.id))?.value;
    if (parsed === undefined || !isSecretOf(parsed.secret, record) || record === undefined)
      throw notValid('token');
    const owner = await principalRecord(registry, record.principal);
    if (record.expiresAt <= clock.now() || owner === undefined || owner.disabled) throw notValid('token');
    const token = { id: record.id, expiresAt: record.expiresAt };
    const principal =
      'kind' in owner ? await machinePrincipal(registry, owner) : await userPrincipal(registry, owner);
    // Tokens are not made for keys of stores.
    if (principal.kind === 'store') throw notValid('token');
    return { ...principal, token };
  }
}

const notValid = (what: string): DrcError =>
  new DrcError('UNAUTHENTICATED', `The ${what} is not valid, or no longer.`);

function mustNotWait(buckets: TokenBuckets, key: string): void {
  const retryAfterMs = buckets.wait(key);
  if (retryAfterMs > 0) throw new DrcError('RATE_LIMITED', 'Too many wrong passwords.', { retryAfterMs });
}
