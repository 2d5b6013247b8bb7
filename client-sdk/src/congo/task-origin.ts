import { DrcError, siteNamePattern, type OriginWish } from '@drc/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hub, Transaction } from '../index.js';
import { OriginMark, type OriginMethod } from './origin-mark.js';
import { originWishOf, type OriginOptions } from './origin-options.js';
import { tableSql } from './progress-table.js';
import type { Target } from './target.js';

export interface TaskOriginOptions extends OriginOptions {
  readonly task: string;
  /** Of congo's own tables. */
  readonly schema: string;
}

/** How a target's transactions are marked. */
export interface TaskMarks {
  readonly method: OriginMethod;
  /** Whether such a mark was seen to come out of the target's topic; false where the task does not name that. */
  readonly areSeen: boolean;
}

/** How long a mark may take from the target into its topic, ms. */
const seenWithinMs = 60_000;

/**
 * Where the changes that a task applies come from, as its target is told. Source transactions of different origins must not share a target
 * transaction.
 */
export class TaskOrigin {
  readonly wish: OriginWish;
  readonly #options: TaskOriginOptions;
  readonly #sessions = new WeakMap<Target, OriginMark>();
  #method: OriginMethod | undefined;
  /** The method whose marks were seen. */
  #seen: OriginMethod | undefined;

  /** @throws DrcError `CONFIG_INVALID`. */
  constructor(options: TaskOriginOptions) {
    this.wish = originWishOf(options);
    this.#options = options;
  }

  /** Undefined before the first session. */
  get marks(): TaskMarks | undefined {
    return this.#method && { method: this.#method, areSeen: this.#seen === this.#method };
  }

  /** @throws DrcError `PROTOCOL_VIOLATION` where a store names what cannot be a site */
  siteOf({ origin }: Pick<Transaction, 'origin'>): string {
    const site = origin ?? this.#options.mark;
    if (siteNamePattern.test(site)) return site;
    throw new DrcError('PROTOCOL_VIOLATION', `A transaction has the origin ${JSON.stringify(site)}.`);
  }

  /** Begins a target transaction that carries the site. @throws DrcError as `OriginMark`. */
  async begin(target: Target, site: string, begin: () => Promise<void>, worker = 0): Promise<void> {
    await (await this.#markOf(target, worker)).begin(site, begin);
  }

  /**
   * Before the first row, in a target transaction of its own: what is marked comes out of the target's topic with this origin.
   * @throws DrcError `TARGET_CONFIG` where it comes without; `STORE_UNAVAILABLE` where it does not come; as the subscription
   */
  async prove(
    hub: Hub,
    onTarget: (work: (target: Target) => Promise<void>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { targetTopic, task, schema, mark } = this.#options;
    await onTarget(async (target) => void (await this.#markOf(target, 0)));
    if (targetTopic === undefined || this.#seen === this.#method) return;
    const late = AbortSignal.timeout(seenWithinMs);
    const ended = AbortSignal.any([signal, late]);
    const name = `${schema}.congo_task`;
    await using marks = hub.subscribe(targetTopic, { from: 'latest', tables: [name], signal: ended });
    try {
      const seen = originOf(marks, task);
      // What is not awaited yet must not end the process.
      seen.catch(() => undefined);
      // Until the stream has begun, what is written would lie before it.
      while (marks.status().kind !== 'caughtUp' && !ended.aborted)
        await Promise.race([seen, sleep(10, undefined, { signal: ended })]);
      await onTarget((target) => this.#write(target));
      const origin = await seen;
      if (origin !== mark)
        throw new DrcError(
          'TARGET_CONFIG',
          `A transaction that was marked with ${mark} came out of the target's topic ${targetTopic} ${origin === undefined ? 'without a mark' : `marked with ${origin}`}: its stores may be of a version that knows of no marks, or another server's. What is applied would come back.`,
        );
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error;
      throw new DrcError(
        'STORE_UNAVAILABLE',
        `A mark that was written on the target did not come out of its topic ${targetTopic} in time.`,
        { topic: targetTopic },
        { cause: error },
      );
    }
    this.#seen = this.#method;
  }

  async #write(target: Target): Promise<void> {
    const { schema, task, mark } = this.#options;
    await this.begin(target, mark, () => Promise.resolve());
    await target.execute(
      `UPDATE ${tableSql(schema, 'congo_task')} SET taken_at = GREATEST(NOW(3), taken_at + INTERVAL 1000 MICROSECOND)
       WHERE task = ? AND connection = ?`,
      [task, target.connectionId],
    );
    await target.query('COMMIT');
  }

  async #markOf(target: Target, worker: number): Promise<OriginMark> {
    const { task, mark: site } = this.#options;
    let mark = this.#sessions.get(target);
    if (mark === undefined) {
      mark = await OriginMark.open(target, task, worker, site);
      this.#sessions.set(target, mark);
      this.#method = mark.method;
    }
    return mark;
  }
}

/** Of the next transaction that changes the task's row. */
async function originOf(marks: AsyncIterable<Transaction>, task: string): Promise<string | undefined> {
  for await (const tx of marks)
    for await (const change of tx.changes)
      if (change.kind === 'update' && change.after['task'] === task) return tx.origin;
  throw new DrcError('CLOSED', 'The hub was closed while a mark was looked for.');
}
