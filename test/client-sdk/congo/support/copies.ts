import { Congo } from '@drc/client-sdk/congo';
import type { Hub } from '@drc/client-sdk';
import { isDrcError, type DrcError } from '@drc/protocol';
import { afterAll, beforeAll } from 'vitest';
import type { Flavour } from '../../../support/database-server.js';
import { startHub, type TestHub } from '../../../support/hub.js';
import { rowsOf, TestTarget, type Stored } from './test-target.js';

export interface Copy {
  /** Statements that make the tables on the source and, unless it has others, on the target. */
  readonly tables: string;
  readonly targetTables?: string;
  readonly writes: string;
}

export interface Outcome {
  /** Code of the error that ended the task. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** The target's rows. */
  readonly rows: (sql: string) => Promise<Stored[]>;
}

/** Copies from one server to another, one schema after the other. Both are there for the tests around it. */
export class Copies {
  #hub!: TestHub;
  #target!: TestTarget;
  /** Behind the tables. */
  #from = '';

  /** @param args options of the source's server */
  constructor(source: Flavour, target: Flavour, args: readonly string[] = []) {
    beforeAll(async () => {
      [this.#hub, this.#target] = await Promise.all([
        startHub({ flavour: source, server: { args } }),
        TestTarget.start(target),
      ]);
    });
    afterAll(async () => {
      await this.#hub[Symbol.asyncDispose]();
      await this.#target[Symbol.asyncDispose]();
    });
  }

  /** New tables on both sides. */
  async begin(tables: string, targetTables = tables): Promise<void> {
    await this.#hub.source.query(
      `DROP DATABASE IF EXISTS shop; CREATE DATABASE shop CHARACTER SET utf8mb4; USE shop; ${tables}`,
    );
    await this.#target.reset(targetTables);
    this.#from = String((await this.#hub.readAll(await this.#hub.lastId())).at(-1)!.checkpoint);
  }

  /** On the source. */
  async write(sql: string): Promise<void> {
    await this.#hub.source.query(`USE shop; ${sql}`);
  }

  async alterTarget(sql: string): Promise<void> {
    await this.#target.query(`USE shop; ${sql}`);
  }

  rows(sql: string): Promise<Stored[]> {
    return this.#target.rows(sql);
  }

  sourceRows(sql: string): Promise<Stored[]> {
    return rowsOf(this.#hub.source, sql);
  }

  /** The task, from where it has come to, until it is disposed of. */
  async run(): Promise<RunningCopy> {
    const sdk = await this.#hub.connect();
    return new RunningCopy(this.#hub, sdk, this.#target, this.#from);
  }

  async copy({ tables, targetTables, writes }: Copy): Promise<Outcome> {
    await this.begin(tables, targetTables);
    await this.write(writes);
    await using task = await this.run();
    const error = await task.applied().then(
      () => undefined,
      (failure: unknown) => {
        if (isDrcError(failure)) return failure;
        throw failure;
      },
    );
    return { code: error?.code, message: error?.message, rows: (sql) => this.rows(sql) };
  }
}

/** A task that runs in this process. */
export class RunningCopy implements AsyncDisposable {
  readonly #hub: TestHub;
  readonly #sdk: Hub;
  readonly #target: TestTarget;
  readonly #stop = new AbortController();
  readonly #ended: Promise<DrcError | undefined>;

  constructor(hub: TestHub, sdk: Hub, target: TestTarget, from: string) {
    this.#hub = hub;
    this.#sdk = sdk;
    this.#target = target;
    const congo = new Congo({
      hub: sdk,
      task: 'copy',
      topic: 'shop',
      tables: [{ from: 'shop.*' }],
      target: target.options,
      ddl: 'ignore',
      from: { checkpoint: from },
    });
    this.#ended = congo.run(this.#stop.signal).then(
      () => undefined,
      (error: unknown) => error as DrcError,
    );
  }

  /** Waits until the target has all that the source has. @throws DrcError that ended the task before */
  async applied(): Promise<void> {
    const last = await this.#hub.lastId();
    const isApplied = this.#target.until(async () => (await this.#target.record())?.covers(last) === true);
    const error = await Promise.race([this.#ended, isApplied.then(() => undefined)]);
    isApplied.catch(() => undefined);
    if (error !== undefined) throw error;
    await isApplied;
  }

  /** What ends the task by itself. @throws Error where it is still running after a minute */
  async failure(): Promise<DrcError> {
    let failure: DrcError | undefined;
    void this.#ended.then((error) => (failure = error));
    await this.#target.until(() => Promise.resolve(failure !== undefined));
    return failure!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    await this.#sdk[Symbol.asyncDispose]();
  }
}
