import { DrcError, type StartFrom } from '@drc/protocol';
import type { CheckpointKeeper, Unsaved } from './checkpoint-keeper.js';
import type { CheckpointStore } from './checkpoint-store.js';

/** What is written is a text, of one topic or of several. */
type Text = Unsaved<{ toString(): string }>;

/**
 * Writes checkpoints one after the other. While one is being written only the newest of those that wait is kept: it
 * covers the others. Never goes back.
 */
export class CheckpointWriter implements CheckpointKeeper {
  readonly #store: CheckpointStore;
  #savedStep = -1;
  #waiting: Text | undefined;
  #writing: Promise<void> | undefined;

  constructor(store: CheckpointStore) {
    this.#store = store;
  }

  /** A store that does not save says so at once. */
  get behindSince(): undefined {
    return undefined;
  }

  /** @throws DrcError `CHECKPOINT_STORE`. */
  async load(): Promise<StartFrom | undefined> {
    try {
      const checkpoint = await this.#store.load();
      return checkpoint === undefined ? undefined : { kind: 'checkpoint', checkpoint };
    } catch (cause) {
      if (cause instanceof DrcError) throw cause;
      throw new DrcError('CHECKPOINT_STORE', 'The checkpoint could not be loaded.', {}, { cause });
    }
  }

  /** Resolves once this checkpoint, or a later one, is saved. @throws DrcError `CHECKPOINT_STORE`. */
  async save(unsaved: Text): Promise<void> {
    if (unsaved.step > this.#savedStep && unsaved.step > (this.#waiting?.step ?? -1)) this.#waiting = unsaved;
    while (this.#savedStep < unsaved.step) await (this.#writing ??= this.#write());
  }

  /** Resolves when nothing is being written. What failed has been reported to those who saved it. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => undefined);
  }

  async #write(): Promise<void> {
    try {
      const unsaved = this.#waiting;
      // Whoever waits for a step that is neither saved nor waiting lost it to a write that failed.
      if (unsaved === undefined) throw new DrcError('CHECKPOINT_STORE', 'An earlier save failed.');
      this.#waiting = undefined;
      await this.#store.save(unsaved.checkpoint().toString());
      this.#savedStep = Math.max(this.#savedStep, unsaved.step);
    } catch (cause) {
      if (cause instanceof DrcError) throw cause;
      throw new DrcError('CHECKPOINT_STORE', 'The checkpoint could not be saved.', {}, { cause });
    } finally {
      this.#writing = undefined;
    }
  }
}
