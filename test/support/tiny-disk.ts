import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { temporaryFolder } from './temporary-folder.js';

export interface TinyDisk extends AsyncDisposable {
  readonly path: string;
}

/** A file system of its own, of this many bytes; undefined where nothing may be mounted: only root may. */
export async function tinyDisk(bytes: number): Promise<TinyDisk | undefined> {
  const folder = await temporaryFolder('disk');
  const path = folder.file('mount');
  await mkdir(path);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path]);
  if (mounted.status !== 0) {
    await folder[Symbol.asyncDispose]();
    return undefined;
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      spawnSync('umount', ['-l', path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

await using probe = await tinyDisk(1024 * 1024);

/** Whether `tinyDisk` gives one here. */
export const canMount = probe !== undefined;

/** For titles: why the tests are skipped; empty where they are not. */
export const mountNote = canMount ? '' : ' (skipped: mounting a tmpfs is not allowed)';
