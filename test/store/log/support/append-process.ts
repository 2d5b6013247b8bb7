import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { TransactionLog } from '../../../../store/src/log/transaction-log.js';
import { sampleContents, sampleId } from './sample-transactions.mjs';

const main = fileURLToPath(new URL('append-main.mjs', import.meta.url));

export interface AppendOptions {
  readonly point?: string;
  readonly times?: number;
  readonly stallSyncAfter?: number;
  readonly retentionMs?: number;
  readonly syncIntervalMs?: number;
  readonly pauseMs?: number;
  readonly step?: number;
}

/** A process that appends sample transactions until it is killed. */
export class AppendProcess implements AsyncDisposable {
  readonly #child;
  readonly #ended: Promise<unknown>;
  /** Newest transaction whose flush returned, so far. */
  acknowledged = 0;
  /** Newest transaction under the durable mark, so far, and how long each log file was when it was synced. */
  durable = 0;
  syncedBytes: Readonly<Record<string, number>> = {};
  /** The point at which it killed itself. */
  point: string | undefined;

  constructor(directory: string, options: AppendOptions) {
    this.#child = spawn(process.execPath, [main, directory, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(this.#child, 'exit');
    const lines = createInterface(this.#child.stdout);
    lines.on('line', (line) => this.#read(line));
    // All it said has been read when both have ended.
    this.#ended = Promise.all([exit, once(lines, 'close')]);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when so much is acknowledged. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error('It ended too early.');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  /** Resolves with the signal by which it ended. */
  async ended(): Promise<NodeJS.Signals | null> {
    await this.#ended;
    return this.#child.signalCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #read(line: string): void {
    const [word, value = '', ...rest] = line.split(' ');
    if (word === 'ack') this.acknowledged = Number(value);
    if (word === 'point') this.point = value;
    if (word === 'durable') {
      this.durable = Number(value);
      this.syncedBytes = JSON.parse(rest.join(' ')) as Record<string, number>;
    }
  }
}

/** Reads the whole log: gap-free, in order, each transaction as it was written. */
export async function expectSampleTransactions(log: TransactionLog): Promise<void> {
  const signal = new AbortController().signal;
  const { oldest, head } = log.extent();
  let cursor = { lsn: oldest.lsn, chunk: 0 };
  // Only what has come to its end counts as a transaction.
  let transaction: string[] = [];
  while (cursor.lsn <= head.lsn) {
    const { chunks, next } = await log.read(cursor, { maxBytes: 1024 * 1024, signal });
    for (const { lsn, chunk, last, id, bytes, partsAt } of chunks) {
      if (id !== sampleId(lsn) || chunk !== transaction.length)
        throw new Error(`Chunk ${lsn}/${chunk} is another.`);
      transaction.push(bytes.toString('latin1', partsAt + 26));
      if (!last) continue;
      const wanted = sampleContents(lsn);
      if (transaction.length !== wanted.length || transaction.some((text, i) => text !== wanted[i]))
        throw new Error(`Transaction ${lsn} is not what was written.`);
      transaction = [];
    }
    cursor = next;
  }
  expect(cursor).toEqual({ lsn: head.lsn + 1, chunk: 0 });
  if (head.lsn === 0) return;
  expect(log.capture.executed.toString()).toBe(sampleId(head.lsn));
  expect(log.capture.position).toEqual({ file: 'binlog.000001', offset: head.lsn * 10 });
  expect(log.extent().setBeforeOldest).toBe(oldest.lsn === 1 ? '' : sampleId(oldest.lsn - 1));
}
