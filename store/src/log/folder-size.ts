import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './durable-mark.js';

/** Bytes of all files in a folder and below it; what goes meanwhile counts as nothing. */
export async function folderBytes(path: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    try {
      bytes += entry.isDirectory() ? await folderBytes(child) : (await stat(child)).size;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return bytes;
}
