import { maxTicketGraceMs, type Revocation } from '@drc/protocol';
import type { Clock } from './clock.js';
import { principalRecord } from './principals.js';
import type { Registry } from './registry/registry.js';

/** The longest life that a ticket of any manager can have, whatever its configuration. */
const maxTicketLifeMs = 3_600_000;
/** Between managers and stores on different machines. */
const clockToleranceMs = 10_000;

/** The tickets that are void although their time is not over, kept until the last store has let go of them. */
export class Revocations {
  readonly #registry: Registry;
  readonly #clock: Clock;

  constructor(options: { registry: Registry; clock: Clock }) {
    this.#registry = options.registry;
    this.#clock = options.clock;
  }

  /** All tickets of the principal from before now, or those that one token brought. Forgets what is over. */
  async add(principal: string, tokenId?: string): Promise<void> {
    const now = this.#clock.now();
    for (const { key, value } of await this.#registry.list('revocation'))
      if (value.until <= now) await this.#registry.delete('revocation', key, 'any');
    // A ticket says the second in which it was issued: one of this second is void too.
    const before = now + 1;
    const until = now + maxTicketLifeMs + maxTicketGraceMs + clockToleranceMs;
    const key = tokenId === undefined ? principal : `${principal}#${tokenId}`;
    const token = tokenId === undefined ? {} : { tokenId };
    await this.#registry.put('revocation', key, { principal, ...token, before, until }, 'any');
  }

  /** As stores are told of them. Where no ticket at all can be good, none of a manager whose clock is ahead is either. */
  async list(): Promise<readonly Revocation[]> {
    const now = this.#clock.now();
    const told: Revocation[] = [];
    for (const { value } of await this.#registry.list('revocation')) {
      if (value.until <= now) continue;
      const { principal, tokenId } = value;
      const before = (await this.#isGood(principal, tokenId))
        ? value.before
        : value.before + clockToleranceMs;
      told.push({ principal, ...(tokenId === undefined ? {} : { tokenId }), before });
    }
    return told;
  }

  async #isGood(principal: string, tokenId: string | undefined): Promise<boolean> {
    const record = await principalRecord(this.#registry, principal);
    if (record === undefined || record.disabled) return false;
    return tokenId === undefined || (await this.#registry.get('token', tokenId)) !== undefined;
  }
}
