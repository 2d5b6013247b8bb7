import { type Compaction, compactLog } from '@drc/store';
import { explainLocked, logFolderOf, type LogFolderFlags } from '../log-folder.js';
import { ProgressLine } from '../progress-line.js';
import { bytesText } from '../quantity-text.js';

export interface StoreCompactFlags extends LogFolderFlags {
  readonly apply?: true;
  readonly output: 'text' | 'json';
}

/** Gives the space of what was deleted back at once; without `--apply` it only tells what that takes. */
export async function storeCompact(flags: StoreCompactFlags, signal: AbortSignal): Promise<void> {
  const folder = await logFolderOf(flags);
  const compaction = await compacted(folder, flags.apply === true, signal);
  const print = flags.output === 'json' ? compactionJson : compactionText;
  process.stdout.write(`${print(compaction, flags)}\n`);
}

async function compacted(
  folder: Awaited<ReturnType<typeof logFolderOf>>,
  apply: boolean,
  signal: AbortSignal,
): Promise<Compaction> {
  using line = new ProgressLine();
  const progress = (share: number): void => line.show({ share, text: 'compacted' });
  return await compactLog(folder, { apply, signal, progress }).catch((error: unknown) => {
    throw explainLocked(error, folder.directory, 'compact its log');
  });
}

export function compactionText(
  { topic, before, after, needed, free }: Compaction,
  { config, data }: StoreCompactFlags,
): string {
  if (after !== undefined)
    return `The database of ${topic} took ${bytesText(before)}; it takes ${bytesText(after)} now.`;
  const flags = [
    config === undefined ? '' : ` --config ${config}`,
    data === undefined ? '' : ` --data ${data}`,
  ];
  return [
    `The database of ${topic} takes ${bytesText(before)}.`,
    `  needed  up to ${bytesText(needed)} of disk meanwhile; ${bytesText(free)} are free${free < needed ? ': too little' : ''}`,
    'Nothing was changed. To write it anew without what was deleted:',
    `  drc store compact${flags.join('')} --apply`,
  ].join('\n');
}

/** One document; `format` changes when anything but an addition does. */
export const compactionJson = ({ topic, before, after, needed, free }: Compaction): string =>
  JSON.stringify({
    format: 1,
    topic,
    result: after === undefined ? 'dry run' : 'compacted',
    before,
    after: after ?? null,
    needed,
    free,
  });
