import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import type { TemporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, type StoredTransaction } from './capture-rig.js';

const main = fileURLToPath(new URL('./capture-crash-main.mjs', import.meta.url));

/** A named point of capture or of its log (`CaptureHooks`, `LogHooks`), and at which passage of it the process is killed. */
export type KillPoint = readonly [point: string, passage: number];

export interface KilledCapture {
  /** Captures into the same log, and has all that the source has. */
  readonly rig: CaptureRig;
  /** All of the log: LSNs without holes, and no id twice. */
  readonly transactions: readonly StoredTransaction[];
}

/**
 * One process after another captures into the log of the folder and is killed at its point; then a capture in this process
 * goes on to the end.
 * @param write writes to the source, before each of them
 */
export async function killedCapture(
  server: DatabaseServer,
  folder: TemporaryFolder,
  points: readonly KillPoint[],
  write: () => Promise<void>,
): Promise<KilledCapture> {
  const source = { host: server.host, port: server.port, user: server.user };
  for (const [point, passage] of points) {
    await write();
    const options = { source, directory: folder.file('log'), point, passage };
    const child = spawn(process.execPath, [main, JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    // The signal proves that the point was passed: the process ends in no other way.
    const ended: unknown[] = await once(child, 'exit');
    expect([point, passage, ended]).toEqual([point, passage, [null, 'SIGKILL']]);
  }
  const rig = await CaptureRig.start({ source, folder });
  try {
    await rig.reaches(await newestId(server));
    const transactions = await rig.transactions();
    expect(transactions.map(({ lsn }) => lsn)).toEqual(transactions.map((_, index) => index + 1));
    expect(new Set(transactions.map(({ id }) => id)).size).toBe(transactions.length);
    return { rig, transactions };
  } catch (error) {
    await rig[Symbol.asyncDispose]();
    throw error;
  }
}
