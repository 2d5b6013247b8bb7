import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import { writeDurably } from './durable-file.js';

/**
 * In the folder of a manager whose registry is in ZooKeeper, as `zookeeper.mark`: which registry it belongs to, and the
 * newest revision that it saw, or an older one. A ZooKeeper that was set up anew, or restored from before, is found out.
 */
export interface ZooKeeperMark {
  readonly id: string;
  readonly revision: number;
}

const markPath = (directory: string): string => join(directory, 'zookeeper.mark');

/** Undefined where there is none. */
export async function readZooKeeperMark(directory: string): Promise<ZooKeeperMark | undefined> {
  let text: string;
  try {
    text = await readFile(markPath(directory), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DrcError('DATA_FOLDER', `${directory} cannot be read.`, { directory }, { cause });
  }
  const match = /^\{"id":"([0-9a-f-]{36})","revision":(\d{1,15})\}\n$/.exec(text);
  if (match === null) {
    throw new DrcError('REGISTRY_CORRUPT', `${markPath(directory)} is damaged.`, { directory });
  }
  return { id: match[1]!, revision: Number(match[2]) };
}

export const writeZooKeeperMark = (directory: string, { id, revision }: ZooKeeperMark): Promise<void> =>
  writeDurably(markPath(directory), `${JSON.stringify({ id, revision })}\n`);
