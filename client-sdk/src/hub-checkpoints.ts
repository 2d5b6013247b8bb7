import { subscriptionNamePattern } from '@drc/protocol';
import type { CheckpointStore } from './checkpoint-store.js';

export interface HubCheckpointOptions {
  /**
   * What the service calls this subscription: 1 to 100 letters, digits, dots, dashes or underscores. Each subscription that
   * a principal has of a topic at the same time needs a name of its own. Default: the subscription's `name`, else
   * `default`.
   */
  readonly name?: string;
}

/**
 * The cluster managers keep the checkpoint, under the principal's name, the topic and a name of the subscription: on
 * whatever machine the service is started next, it goes on there. Of two instances under one name the one that began last
 * has it; the loop of the other ends with `CHECKPOINT_FENCED`.
 *
 * It is saved at most once a second: `commit` waits for that where the last time is longer ago, and else hands over what
 * the next one saves. So a crash repeats a second of transactions at most, while a manager answers. While none does, the
 * newest is kept in memory and `commit` goes on (`status().checkpointBehindSince`); `close()` tries for five seconds more,
 * and is `CHECKPOINT_STORE` where that was in vain.
 * @throws TypeError on a name that cannot be.
 */
export function hubCheckpoints(options: HubCheckpointOptions = {}): CheckpointStore {
  if (options.name !== undefined) checkSubscriptionName(options.name, 'hubCheckpoints: name');
  return new HubCheckpoints(options.name);
}

/** @throws TypeError, naming the option. */
export function checkSubscriptionName(name: unknown, option: string): void {
  if (typeof name === 'string' && subscriptionNamePattern.test(name)) return;
  throw new TypeError(`${option}: it is 1 to 100 letters, digits, dots, dashes or underscores.`);
}

/** Stands for what is kept by the hub until a subscription of it is made. */
export class HubCheckpoints implements CheckpointStore {
  readonly name: string | undefined;

  constructor(name: string | undefined) {
    this.name = name;
  }

  load(): Promise<string | undefined> {
    return Promise.reject(unbound());
  }

  save(): Promise<void> {
    return Promise.reject(unbound());
  }
}

const unbound = (): TypeError =>
  new TypeError('hubCheckpoints: they are for hub.subscribe(topic, { checkpoints }), and nothing else.');
