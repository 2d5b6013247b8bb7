import { DrcError } from '@drc/protocol';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Whether a store has begun a log in the folder. To be asked before a log is opened by anything but its store: opening
 * makes what is missing.
 * @throws DrcError `DATA_FOLDER` where it is another user's: files that are made in it would keep that user's store out.
 */
export async function hasLog(directory: string): Promise<boolean> {
  const folder = await stat(join(directory, 'level')).catch(() => undefined);
  if (folder === undefined) return false;
  if (process.getuid !== undefined && folder.uid !== process.getuid())
    throw new DrcError('DATA_FOLDER', `${directory} belongs to another user.`);
  return true;
}
