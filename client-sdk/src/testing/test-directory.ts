import { DrcError, type StartFrom, type Transport } from '@drc/protocol';
import type { ConnectToStore } from '../connection.js';
import type { Placement, StoreDirectory, TopicInfo } from '../directory.js';
import type { FaultPlan } from './faults.js';
import { KeptCheckpoints } from './kept-checkpoints.js';
import { StoreSession } from './store-session.js';
import type { TopicLog } from './topic-log.js';

/** A topic of the test hub. */
export interface TestTopic {
  readonly log: TopicLog;
  /** What goes wrong with it. */
  readonly plan: FaultPlan;
}

const address = 'ws://test-hub.invalid';
/** A ticket is good for so long, in ms. */
const ticketMs = 3_600_000;

/** What cluster managers answer, within the process; the stores that it names are reached without a socket. */
export class TestDirectory implements StoreDirectory {
  readonly transport: Transport = {};
  readonly #topics: ReadonlyMap<string, TestTopic>;
  readonly #kept = new KeptCheckpoints();

  constructor(topics: ReadonlyMap<string, TestTopic>) {
    this.#topics = topics;
  }

  /** @throws DrcError `TOPIC_UNKNOWN`. */
  topic(name: string): TestTopic {
    const topic = this.#topics.get(name);
    if (topic !== undefined) return topic;
    throw new DrcError('TOPIC_UNKNOWN', `The test hub has no topic ${name}.`, { topic: name });
  }

  readonly connect: ConnectToStore = (at, _ticket, listener) => {
    const { log, plan } = this.topic(decodeURIComponent(at.slice(at.lastIndexOf('/') + 1)));
    return new StoreSession(log, plan, listener);
  };

  topics(): Promise<readonly TopicInfo[]> {
    return Promise.resolve([...this.#topics.keys()].toSorted().map((topic) => ({ topic, stores: 1 })));
  }

  async stores(name: string, _from: StartFrom, signal: AbortSignal): Promise<Placement> {
    signal.throwIfAborted();
    const id = `test-store-${this.topic(name).log.moves + 1}`;
    return await Promise.resolve({
      stores: [{ id, address }],
      ticket: 'test',
      ticketExpiresAt: Date.now() + ticketMs,
    });
  }

  async ask(
    method: string,
    path: string,
    body: object,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    signal.throwIfAborted();
    return await Promise.resolve(this.#kept.answer(method, path, body));
  }
}
