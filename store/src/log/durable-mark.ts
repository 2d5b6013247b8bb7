import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { DrcError, isDrcError } from '@drc/protocol';

/*
 * The durable mark is a file beside the database. It remembers the newest transaction that is certainly on the disk:
 * LevelDB opens without a word when its own files have lost their end, or are gone.
 *
 *   file = JSON of `DurableMark` LF | CRC-32 of that line (without LF), eight hexadecimal digits, LF
 */
export interface DurableMark {
  readonly topic: string;
  readonly lineage: string;
  /** Every transaction up to this one has been synced. */
  readonly lsn: number;
}

/** @returns undefined where there is no such file. @throws DrcError `LOG_CORRUPT` where it is damaged. */
export async function readDurableMark(path: string): Promise<DurableMark | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new DrcError('DATA_FOLDER', `${path} cannot be read.`, { path }, { cause: error });
  }
  const [line = '', crc = ''] = text.split('\n');
  const mark = crc === checksum(line) ? markOf(line) : undefined;
  if (mark === undefined) {
    throw new DrcError('LOG_CORRUPT', `The durable mark ${path} is damaged.`, { path });
  }
  return mark;
}

/** As `readDurableMark`, for whoever goes on without one. `fault` says what is wrong with it; absent where it is sound. */
export async function examineDurableMark(
  path: string,
): Promise<{ readonly mark: DurableMark | undefined; readonly fault: string | undefined }> {
  try {
    const mark = await readDurableMark(path);
    return { mark, fault: mark === undefined ? gone : undefined };
  } catch (error) {
    if (!isDrcError(error, 'LOG_CORRUPT')) throw error;
    return { mark: undefined, fault: error.message };
  }
}

const gone = 'The durable mark is gone: what was lost behind the newest transaction cannot be told.';

/** Replaces the mark: whatever happens meanwhile, the old one or the new one is there, whole. */
export async function writeDurableMark(path: string, mark: DurableMark): Promise<void> {
  const line = JSON.stringify(mark);
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${line}\n${checksum(line)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Makes names in a folder last. Windows has no such call, and needs none. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

const checksum = (line: string): string => crc32(line).toString(16).padStart(8, '0');

function markOf(line: string): DurableMark | undefined {
  const { topic, lineage, lsn } = JSON.parse(line) as Partial<DurableMark>;
  if (typeof topic !== 'string' || typeof lineage !== 'string' || !Number.isSafeInteger(lsn))
    return undefined;
  return { topic, lineage, lsn: lsn! };
}
