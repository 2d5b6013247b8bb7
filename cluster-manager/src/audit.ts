import type { ErrorCode } from '@drc/protocol';
import type { Logger } from 'pino';
import type { Change } from './administration/context.js';
import type { SubscriptionKey } from './checkpoints.js';
import type { ManagerMetrics } from './metrics.js';
import { userName } from './registry/records.js';
import type { SignedToken } from './tickets.js';

/** A line in the log for each login, refusal, ticket and change of rights. No passwords, tokens or keys in them. */
export class Audit {
  readonly #logger: Logger;
  readonly #metrics: ManagerMetrics;

  constructor(logger: Logger, metrics: ManagerMetrics) {
    this.#logger = logger.child({ audit: true });
    this.#metrics = metrics;
  }

  loggedIn(name: string, address: string, token: SignedToken): void {
    this.#metrics.login('ok');
    this.#logger.info({ event: 'login', principal: name, address, tokenId: token.id }, 'login');
  }

  loginRefused(name: string, address: string, code: ErrorCode): void {
    this.#metrics.login(code);
    this.#metrics.refused(code);
    // People type their password where the name belongs; what cannot be a name is not written down.
    const principal = userName.safeParse(name).success ? name : undefined;
    this.#logger.warn({ event: 'loginRefused', principal, address, code }, 'login refused');
  }

  refused(
    request: { method: string; path: string; principal: string | undefined; address: string },
    code: ErrorCode,
  ): void {
    this.#metrics.refused(code);
    this.#logger.warn({ event: 'refused', ...request, code }, 'request refused');
  }

  /** @param via id of the token that it came from */
  ticketIssued(
    principal: string,
    topic: string,
    from: string,
    ticket: SignedToken,
    via: string | undefined,
  ): void {
    this.#metrics.ticket(topic);
    const { id: ticketId, expiresAt } = ticket;
    this.#logger.info({ event: 'ticket', principal, topic, from, ticketId, expiresAt, via }, 'ticket issued');
  }

  checkpointTaken(key: SubscriptionKey, client: string, epoch: number): void {
    this.#logger.info({ event: 'checkpoint.take', ...key, client, epoch }, 'subscription taken over');
  }

  /** Of users, roles, grants, tokens and keys: who, what, how it was and how it is. */
  changed(principal: string, { event, subject, before, after }: Change): void {
    this.#logger.info({ event, principal, subject, before, after }, 'changed');
  }

  announced(principal: string, topic: string, store: string): void {
    this.#metrics.announced(topic);
    this.#logger.debug({ event: 'announced', principal, topic, store }, 'store announced');
  }

  withdrawn(principal: string, topic: string, store: string): void {
    this.#logger.info({ event: 'withdrawn', principal, topic, store }, 'store withdrawn');
  }
}
