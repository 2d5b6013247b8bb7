import { isErrorCode, type ErrorCode, type ErrorDetails } from '@drc/protocol';
import type { LeftOut } from './topic-log.js';

/** When a fault happens. */
export interface FaultMoment {
  /**
   * So many transactions are delivered whole first, counted from now on and over all subscriptions of the topic; what a
   * subscription's filter leaves out does not count. Default 0.
   */
  readonly after?: number;
}

export interface CutOptions extends FaultMoment {
  /** Where in the stream: in the middle of the next transaction (default), or in front of it. */
  readonly at?: 'middle' | 'front';
}

export interface RepeatOptions extends FaultMoment {
  /** How many come once more. Default 1. */
  readonly transactions?: number;
}

export interface GapOptions extends FaultMoment {
  /** Id of the transaction that is left out. Default: the next one. */
  readonly transaction?: string;
  /** What the operator is said to have written. */
  readonly reason?: string;
}

export interface FailOptions extends FaultMoment {
  readonly message?: string;
  /** `DrcError.details`. */
  readonly details?: ErrorDetails;
}

/** A fault that was asked for. */
export interface Fault {
  /** Whether it has happened: a test that goes through without its fault has tested nothing. */
  readonly happened: boolean;
}

/** What can go wrong, on demand. Each happens once, to the first subscription that comes so far. */
export interface Faults {
  /** The connection ends. The SDK reconnects by itself: the loop sees each change once, in order, a little later. */
  cut(topic: string, options?: CutOptions): Fault;
  /** The store ends, and another one goes on: with a log, LSNs and chunks of its own. The loop sees no difference. */
  failover(topic: string, options?: CutOptions): Fault;
  /**
   * In front of the next transaction those before it come once more, in order: what a service sees that ended between its work
   * and `commit`, and was started again (at least once).
   */
  repeat(topic: string, options?: RepeatOptions): Fault;
  /** A pause in front of each transaction, in ms, until another one is set; 0: none. */
  slow(topic: string, pauseMs: number): void;
  /**
   * A transaction cannot be had any more: the loop ends with `GAP` in front of it, with its id in `details.transaction`. A
   * subscription with that id in `acknowledgeGaps` goes on behind it.
   */
  gap(topic: string, options?: GapOptions): Fault;
  /** The log is trimmed up to and including the next transaction: the loop ends with `RETENTION_EXPIRED`, and so does any that begins before. */
  retentionExpired(topic: string, options?: FaultMoment): Fault;
  /** The session ends with this error: one that can be retried is, any other ends the loop. */
  fail(topic: string, code: ErrorCode, options?: FailOptions): Fault;
}

/** What happens. `at` says whether it waits for a transaction, and where in it. */
export type Mishap =
  | { readonly kind: 'cut' | 'failover'; readonly at: 'middle' | 'front' }
  | { readonly kind: 'repeat'; readonly transactions: number }
  | { readonly kind: 'gap'; readonly leftOut: LeftOut }
  | { readonly kind: 'retention' }
  | {
      readonly kind: 'fail';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
    };

class ArmedFault implements Fault {
  readonly mishap: Mishap;
  left: number;
  happened = false;

  constructor(mishap: Mishap, { after = 0 }: FaultMoment) {
    if (!Number.isSafeInteger(after) || after < 0)
      throw new TypeError('after: it is a number of transactions, from 0.');
    this.mishap = mishap;
    this.left = after;
  }
}

/** The faults of one topic that have not happened yet. */
export class FaultPlan {
  #armed: ArmedFault[] = [];
  /** In front of each transaction, ms. */
  pauseMs = 0;

  arm(mishap: Mishap, moment: FaultMoment): Fault {
    const fault = new ArmedFault(mishap, moment);
    this.#armed.push(fault);
    return fault;
  }

  /** A transaction was delivered whole. */
  delivered(): void {
    for (const fault of this.#armed) if (fault.left > 0) fault.left--;
  }

  /**
   * What happens now; it does not happen again.
   * @param hasNext whether there is a transaction, which some faults need
   */
  due(hasNext: boolean): Mishap | undefined {
    const isDue = ({ left, mishap }: ArmedFault): boolean => left === 0 && (hasNext || !needsNext(mishap));
    const fault = this.#armed.find(isDue);
    if (fault === undefined) return undefined;
    this.#armed = this.#armed.filter((other) => other !== fault);
    fault.happened = true;
    return fault.mishap;
  }
}

const needsNext = (mishap: Mishap): boolean =>
  'at' in mishap ? mishap.at === 'middle' : mishap.kind !== 'fail';

/** A topic that faults can be asked for. */
export interface FaultyTopic {
  readonly plan: FaultPlan;
  /** A transaction is left out wherever it is, at once. */
  readonly leaveOut: (id: string, leftOut: LeftOut) => void;
  /** Streams look at the plan again. */
  readonly wake: () => void;
}

/** @param topicOf throws for a topic that is not there */
export function faultsOf(topicOf: (topic: string) => FaultyTopic): Faults {
  const arm = (topic: string, mishap: Mishap, moment: FaultMoment): Fault => {
    const { plan, wake } = topicOf(topic);
    const fault = plan.arm(mishap, moment);
    wake();
    return fault;
  };
  return {
    cut: (topic, options = {}) => arm(topic, { kind: 'cut', at: options.at ?? 'middle' }, options),
    failover: (topic, options = {}) => arm(topic, { kind: 'failover', at: options.at ?? 'middle' }, options),
    repeat(topic, { transactions = 1, ...moment } = {}) {
      if (!Number.isSafeInteger(transactions) || transactions < 1)
        throw new TypeError('repeat: transactions is how many come once more, from 1.');
      return arm(topic, { kind: 'repeat', transactions }, moment);
    },
    slow(topic, pauseMs) {
      if (!(pauseMs >= 0)) throw new TypeError('slow: it takes a pause in ms.');
      const { plan, wake } = topicOf(topic);
      plan.pauseMs = pauseMs;
      wake();
    },
    gap(topic, { transaction, reason = 'left out by a test', ...moment } = {}) {
      const leftOut = { reason };
      if (transaction === undefined) return arm(topic, { kind: 'gap', leftOut }, moment);
      topicOf(topic).leaveOut(transaction, leftOut);
      return { happened: true };
    },
    retentionExpired: (topic, options = {}) => arm(topic, { kind: 'retention' }, options),
    fail(topic, code, { message = 'A test wants this error.', details = {}, ...moment } = {}) {
      if (!isErrorCode(code)) throw new TypeError(`fail: there is no code ${String(code)}.`);
      return arm(topic, { kind: 'fail', code, message, details }, moment);
    },
  };
}
