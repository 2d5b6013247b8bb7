import { Checkpoint, DrcError } from '@drc/protocol';
import type { Clock } from './clock.js';
import type { CheckpointRecord } from './registry/records.js';
import type { Registry, Stored } from './registry/registry.js';
import { TokenBuckets } from './token-buckets.js';

/** One subscription of a principal: the name is the service's own word for it. */
export interface SubscriptionKey {
  readonly principal: string;
  readonly topic: string;
  readonly name: string;
}

/** None of the three can hold a slash. */
export const checkpointKey = ({ principal, topic, name }: SubscriptionKey): string =>
  `${principal}/${topic}/${name}`;

/** What an instance of a service goes on with. */
export interface TakenCheckpoint {
  /** To be told with each save: an older one saves nothing. */
  readonly epoch: number;
  /** What was saved last. */
  readonly checkpoint?: string;
  /** Where it is to begin in the place of a checkpoint, by an operator's word: as in a question for stores. */
  readonly from?: string;
}

/** More instances of all services of a principal than anybody runs; what they save is held in memory. */
const maxPerPrincipal = 1000;
/** Other instances and other managers write, too; one that finds the record changed each time has been unlucky ten times. */
const maxAttempts = 10;
/** A subscription saves at most once a second, and now and then twice. */
const saveBurst = 10;
const saveRefillMs = 500;
/** What another manager wrote is here within this time, where this one reaches the registry. */
const heardWithinMs = 5_000;
/** All subscriptions of one principal: two hundred a second leave the registry to the others. */
const principalBurst = 400;
const principalRefillMs = 5;

/**
 * What readers have had, kept for them: one record for each principal, topic and name of a subscription. Laws: only the
 * instance that took it last saves; nothing that is covered by what is saved is ever uncovered by a save; all that with
 * any number of managers over one registry.
 */
export class Checkpoints {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #pace: TokenBuckets;
  readonly #principalPace: TokenBuckets;

  constructor(options: { registry: Registry; clock: Clock }) {
    this.#registry = options.registry;
    this.#clock = options.clock;
    const { clock } = options;
    this.#pace = new TokenBuckets({ capacity: saveBurst, refillMs: saveRefillMs, clock });
    this.#principalPace = new TokenBuckets({ capacity: principalBurst, refillMs: principalRefillMs, clock });
  }

  /**
   * The subscription is this instance's from here on: those before it save no more.
   * @param client name of the client, for operators
   * @throws DrcError `FORBIDDEN` beyond 1,000 subscriptions of the principal; `RATE_LIMITED`, `REGISTRY_UNAVAILABLE`.
   */
  async take(key: SubscriptionKey, client: string): Promise<TakenCheckpoint> {
    this.#mustNotHurry(key);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await this.#find(key);
      if (stored === undefined) await this.#mustHaveRoom(key.principal);
      const { movedAt: _moved, ...before }: Partial<CheckpointRecord> = stored?.value ?? {};
      const now = this.#clock.now();
      const epoch = Math.max((before.epoch ?? 0) + 1, Math.floor(now));
      const record: CheckpointRecord = { ...before, ...key, epoch, client, takenAt: now };
      if (await this.#put(record, stored)) return takenOf(record);
    }
    throw busy(key);
  }

  /**
   * What the instance of this epoch has had by now. What is saved already, or more than that, stays: a request that was
   * long under way takes nothing back.
   * @param time log time of the newest transaction in it, ms
   * @throws DrcError `CHECKPOINT_FENCED` where another instance took it, `CHECKPOINT_MOVED` where an operator did;
   *   `CHECKPOINT_INVALID`, `RATE_LIMITED`, `REGISTRY_UNAVAILABLE`.
   */
  async save(key: SubscriptionKey, epoch: number, text: string, time: number | undefined): Promise<void> {
    this.#mustNotHurry(key);
    const { set } = checkpointOf(text, key.topic);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await this.#find(key);
      const record = this.#mustOwn(key, stored?.value, epoch);
      if (record.checkpoint !== undefined && set.isSubsetOf(Checkpoint.parse(record.checkpoint).set)) return;
      const { from: _from, time: _time, ...rest } = record;
      const saved = { ...rest, checkpoint: text, savedAt: this.#clock.now() };
      if (await this.#put(time === undefined ? saved : { ...saved, time }, stored)) return;
    }
    throw busy(key);
  }

  #mustOwn(key: SubscriptionKey, record: CheckpointRecord | undefined, epoch: number): CheckpointRecord {
    if (record?.epoch === epoch) return record;
    // It was given its epoch by a manager that this one has not heard of yet. An epoch is no earlier than when it was given.
    const isUnheard =
      record === undefined
        ? this.#registry.state.kind !== 'live' || this.#clock.now() - epoch < heardWithinMs
        : record.epoch < epoch;
    if (isUnheard)
      throw new DrcError(
        'REGISTRY_UNAVAILABLE',
        'This cluster manager does not know yet who has the subscription.',
        { ...key },
      );
    if (record === undefined)
      throw new DrcError('CHECKPOINT_MOVED', `What was saved of ${shown(key)} was removed by an operator.`, {
        ...key,
        reason: 'removed',
      });
    if (record.movedAt !== undefined)
      throw new DrcError('CHECKPOINT_MOVED', `${shown(key)} was moved by an operator.`, { ...key });
    throw new DrcError(
      'CHECKPOINT_FENCED',
      `${shown(key)} was taken over by another instance (client ${record.client}) at ${new Date(record.takenAt).toISOString()}.`,
      { ...key, client: record.client },
    );
  }

  async #mustHaveRoom(principal: string): Promise<void> {
    const own = await this.#registry.list('checkpoint');
    if (own.filter(({ value }) => value.principal === principal).length < maxPerPrincipal) return;
    throw new DrcError(
      'FORBIDDEN',
      `${principal} has ${maxPerPrincipal} subscriptions whose checkpoints are kept here; no more are taken. drc reader rm removes what is not used any more.`,
      { principal },
    );
  }

  #mustNotHurry(key: SubscriptionKey): void {
    const name = checkpointKey(key);
    const retryAfterMs = Math.max(this.#pace.wait(name), this.#principalPace.wait(key.principal));
    if (retryAfterMs > 0)
      throw new DrcError('RATE_LIMITED', `${shown(key)} is saved too often.`, { retryAfterMs });
    this.#pace.take(name);
    this.#principalPace.take(key.principal);
  }

  #find(key: SubscriptionKey): Promise<Stored<CheckpointRecord> | undefined> {
    return this.#registry.get('checkpoint', checkpointKey(key));
  }

  #put(record: CheckpointRecord, before: Stored<CheckpointRecord> | undefined): Promise<boolean> {
    return this.#registry.put('checkpoint', checkpointKey(record), record, before?.version ?? 'absent');
  }
}

/** They go with their principal. */
export async function removeCheckpointsOf(registry: Registry, principal: string): Promise<void> {
  for (const { key, value } of await registry.list('checkpoint'))
    if (value.principal === principal) await registry.delete('checkpoint', key, 'any');
}

/** @throws DrcError `CHECKPOINT_INVALID`. */
export function checkpointOf(text: string, topic: string): Checkpoint {
  const checkpoint = Checkpoint.parse(text);
  if (checkpoint.topic === topic) return checkpoint;
  throw new DrcError('CHECKPOINT_INVALID', `The checkpoint is not one of the topic ${topic}.`, { topic });
}

const takenOf = ({ epoch, checkpoint, from }: CheckpointRecord): TakenCheckpoint => ({
  epoch,
  ...(checkpoint === undefined ? {} : { checkpoint }),
  ...(from === undefined ? {} : { from }),
});

/** As people are told of it. */
export const shown = ({ principal, topic, name }: SubscriptionKey): string =>
  `The subscription ${name} of ${principal} to ${topic}`;

const busy = (key: SubscriptionKey): DrcError =>
  new DrcError('REGISTRY_UNAVAILABLE', `${shown(key)} is changed by others all the time.`, {
    outcome: 'refused',
  });
