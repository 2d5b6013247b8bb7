import type { StartFrom } from '@drc/protocol';
import type { CheckpointKeeper, Unsaved } from '../checkpoint-keeper.js';
import type { CheckpointStore } from '../checkpoint-store.js';
import { CheckpointWriter } from '../checkpoint-writer.js';
import { TopicsCheckpoint } from './topics-checkpoint.js';

/** The newest place of a topic. */
interface Newest {
  readonly unsaved: Unsaved;
  /** Its turn among those of all topics. */
  readonly step: number;
}

/** Keeps the places of several topics in one text. What that has of other topics stays in it. */
export class TopicsWriter {
  readonly #writer: CheckpointWriter;
  /** What the store held, once for all topics. */
  #loading: Promise<TopicsCheckpoint> | undefined;
  #loaded = new TopicsCheckpoint([]);
  readonly #newest = new Map<string, Newest>();
  #step = 0;

  constructor(store: CheckpointStore) {
    this.#writer = new CheckpointWriter(store);
  }

  /** The keeper of one of the topics. */
  keeper(topic: string): CheckpointKeeper {
    return {
      load: () => this.#load(topic),
      save: (unsaved) => this.#save(topic, unsaved),
      settled: () => this.#writer.settled(),
      behindSince: undefined,
    };
  }

  async #load(topic: string): Promise<StartFrom | undefined> {
    this.#loading ??= this.#loadAll();
    try {
      const checkpoint = (await this.#loading).of(topic);
      return checkpoint && { kind: 'checkpoint', checkpoint: checkpoint.toString() };
    } catch (error) {
      this.#loading = undefined;
      throw error;
    }
  }

  async #loadAll(): Promise<TopicsCheckpoint> {
    const from = await this.#writer.load();
    if (from?.kind === 'checkpoint') this.#loaded = TopicsCheckpoint.parse(from.checkpoint);
    return this.#loaded;
  }

  async #save(topic: string, unsaved: Unsaved): Promise<void> {
    let newest = this.#newest.get(topic);
    if (newest === undefined || unsaved.step > newest.unsaved.step) {
      newest = { unsaved, step: ++this.#step };
      this.#newest.set(topic, newest);
    }
    await this.#writer.save({ step: newest.step, checkpoint: () => this.#whole() });
  }

  #whole(): TopicsCheckpoint {
    const loaded = this.#loaded.topics.map((topic) => this.#loaded.of(topic)!);
    const newest = Array.from(this.#newest.values(), ({ unsaved }) => unsaved.checkpoint());
    return new TopicsCheckpoint([...loaded, ...newest]);
  }
}
