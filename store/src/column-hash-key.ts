import { open } from 'node:fs/promises';
import { DrcError } from '@drc/protocol';

const leastBytes = 32;
const mostBytes = 4096;
const readableByOthers = 0o077;

/**
 * The key with which columns are hashed that a grant keeps back: whatever bytes the file holds. All stores of a topic
 * need the same one, so that a reader that moves sees the same hashes.
 * @throws DrcError `CONFIG_INVALID` where it cannot be read, others may read it, or it is not 32 to 4096 bytes long.
 */
export async function readColumnHashKey(file: string): Promise<Buffer> {
  const fault = (what: string, cause?: unknown): DrcError =>
    new DrcError('CONFIG_INVALID', `columnHashKeyFile: ${file} ${what}.`, {}, { cause });
  try {
    await using handle = await open(file, 'r');
    const { mode, size } = await handle.stat();
    if ((mode & readableByOthers) !== 0)
      throw fault('may be read or written by others than its owner; chmod 600');
    if (size < leastBytes || size > mostBytes)
      throw fault(`holds ${size} bytes; a key has ${leastBytes} to ${mostBytes}`);
    return await handle.readFile();
  } catch (error) {
    if (error instanceof DrcError) throw error;
    throw fault(`cannot be read (${(error as Error).message})`, error);
  }
}
