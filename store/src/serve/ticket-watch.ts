import type { Clock } from '../clock.js';
import type { Ticket } from './authorize.js';
import type { ManagerContact } from './manager-contact.js';
import type { Revocations } from './revocations.js';

export interface TicketWatchOptions {
  readonly clock: Clock;
  /** How far the clocks of managers and store may differ, ms. */
  readonly toleranceMs: number;
  /** How long a session may go on after its ticket ran out, while no manager can be reached, ms. */
  readonly graceMs: number;
  /** How long a client has for its renewal once a manager is back, ms. */
  readonly renewWithinMs: number;
  readonly contact: ManagerContact;
  readonly revocations: Revocations | undefined;
  /** Called once, when the session must end. */
  readonly end: (reason: 'expired' | 'revoked') => void;
}

/** Between two looks, in ms, while a session lives on the grace: the managers may be back. */
const lookMs = 1_000;

/**
 * Ends a session with its ticket: at once where that is taken back, and where it ran out, unless no manager could have
 * renewed it.
 */
export class TicketWatch implements Disposable {
  readonly #options: TicketWatchOptions;
  readonly #watching: Disposable | undefined;
  #ticket: Ticket;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(ticket: Ticket, options: TicketWatchOptions) {
    this.#options = options;
    this.#ticket = ticket;
    this.#watching = options.revocations?.watch(() => this.#checkRevoked());
    this.#look();
  }

  /** The ticket in force. */
  get ticket(): Ticket {
    return this.#ticket;
  }

  /** @param ticket a good one of the same principal */
  renew(ticket: Ticket): void {
    this.#ticket = ticket;
    this.#look();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#watching?.[Symbol.dispose]();
  }

  #checkRevoked(): void {
    if (this.#options.revocations?.covers(this.#ticket)) this.#end('revoked');
  }

  #look(): void {
    if (this.#over) return;
    const left = this.#overdueAt - this.#options.clock.now();
    if (left > 0) this.#lookIn(left);
    else void this.#decide();
  }

  /** Looked at again then, because the wall clock may have been set back meanwhile, and timers run early by a little. */
  #lookIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  /** The ticket has run out. */
  async #decide(): Promise<void> {
    const { contact, clock, graceMs, renewWithinMs } = this.#options;
    const ticket = this.#ticket;
    const answers = await contact.answers();
    if (this.#over || ticket !== this.#ticket) return;
    const graceLeft = this.#overdueAt + graceMs - clock.now();
    const { backSince } = contact;
    const renewLeft = backSince === undefined ? 0 : backSince + renewWithinMs - clock.monotonic();
    const left = Math.min(graceLeft, answers ? renewLeft : lookMs);
    if (left > 0) this.#lookIn(left);
    else this.#end('expired');
  }

  get #overdueAt(): number {
    return this.#ticket.expiresAt + this.#options.toleranceMs;
  }

  #end(reason: 'expired' | 'revoked'): void {
    if (this.#over) return;
    this[Symbol.dispose]();
    this.#options.end(reason);
  }
}
