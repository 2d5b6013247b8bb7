import { Congo, type CongoOptions, type CongoStatus } from '@drc/client-sdk/congo';
import type { DrcError } from '@drc/client-sdk';
import { isDrcError } from '@drc/protocol';
import type { TestTarget } from './test-target.js';
import type { FakeTopic } from './fake-hub.mjs';

type Overrides = Partial<Omit<CongoOptions, 'hub' | 'onStatus'>>;

/** A congo that runs beside the test, until the test stops it or it fails. */
export class RunningTask implements AsyncDisposable {
  readonly congo: Congo;
  readonly seen: CongoStatus[] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<DrcError | undefined>;
  readonly #topic: FakeTopic;
  readonly #task: string;

  constructor(topic: FakeTopic, target: TestTarget, overrides: Overrides = {}) {
    this.#topic = topic;
    this.#task = overrides.task ?? 'copy';
    this.congo = new Congo({
      hub: topic.hub(),
      task: this.#task,
      topic: 'shop',
      tables: [{ from: 'shop.*' }],
      target: target.options,
      onStatus: (status) => this.seen.push(status),
      ...overrides,
    });
    this.#ended = this.congo.run(this.#stop.signal).then(
      () => undefined,
      (error: unknown) => {
        if (isDrcError(error)) return error;
        throw error;
      },
    );
  }

  /** Resolves when the target has this transaction on record; rejects with what ended the task before. */
  async applied(id: string, target: TestTarget): Promise<void> {
    const failure = this.#ended.then((error) => {
      throw error ?? new Error('The task was stopped.');
    });
    failure.catch(() => undefined);
    await Promise.race([
      failure,
      target.until(async () => (await target.record(this.#task))?.covers(id) === true),
    ]);
  }

  /** Stops it. @returns the error that had ended it. */
  async stop(): Promise<DrcError | undefined> {
    this.#stop.abort();
    return this.#ended;
  }

  /** Resolves with the error that ends it. */
  async failure(): Promise<DrcError> {
    const error = await this.#ended;
    if (error === undefined) throw new Error('The task was stopped.');
    return error;
  }

  get topic(): FakeTopic {
    return this.#topic;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
