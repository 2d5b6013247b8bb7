import { Checkpoint, DrcError, type StartFrom, type TransactionSet } from '@drc/protocol';
import type { SourceIdentity } from '../log/transaction-log.js';
import {
  binlogFiles,
  executedAt,
  firstEventOffset,
  type CaptureStart,
  type FileStart,
} from '../source/first-position.js';
import { placesBefore } from '../source/places-before.js';
import type { SourceControl } from '../source/source-control.js';

export interface BackfillStartParts {
  readonly control: SourceControl;
  readonly flavour: SourceIdentity['flavour'];
  readonly fileStart: FileStart;
  readonly from: StartFrom;
  readonly seekMarginMs: number;
}

/**
 * The newest binlog file that begins before the moment.
 * @throws DrcError `BACKFILL_UNAVAILABLE` where the source has purged it
 */
export async function backfillStart(parts: BackfillStartParts): Promise<CaptureStart> {
  const { control, flavour } = parts;
  const files = (await binlogFiles(control)).map(({ file }) => file);
  const [oldest] = files;
  if (oldest === undefined) throw unavailable('The source has no binlog files.');
  const reachesBack = test(parts);
  let low = 0;
  let high = files.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (await reachesBack(files[middle]!)) low = middle;
    else high = middle - 1;
  }
  const file = files[low]!;
  if (low > 0 || (await reachesBack(file)) || (await isFirstOfAll(control, flavour, file)))
    return { kind: 'position', position: { file, offset: firstEventOffset } };
  throw unavailable(`The source has purged what it wrote before ${oldest}.`, { oldest });
}

/** Whether a file begins before the moment; of files in order, those in front do where a later one does. */
function test({ control, flavour, fileStart, from, seekMarginMs }: BackfillStartParts): BeginsBefore {
  const before = async (file: string): Promise<TransactionSet> => {
    const executed = await executedAt(control, flavour, { file, offset: firstEventOffset });
    if (executed === undefined) throw unavailable(`The source does not tell what it wrote before ${file}.`);
    return executed.union(await placesBefore(control, flavour, { file, offset: firstEventOffset }));
  };
  switch (from.kind) {
    case 'timestamp':
      return async (file) => (await fileStart(file)) <= from.time - seekMarginMs;
    case 'transaction':
      return async (file) => !(await before(file)).covers(from.id);
    case 'checkpoint': {
      const { set } = Checkpoint.parse(from.checkpoint);
      return async (file) => (await before(file)).isSubsetOf(set);
    }
    case 'earliest':
    case 'latest':
      throw new DrcError('INTERNAL', 'The log itself begins there.');
  }
}

type BeginsBefore = (file: string) => Promise<boolean>;

/** Nothing was purged: what came before it was nowhere. */
async function isFirstOfAll(
  control: SourceControl,
  flavour: SourceIdentity['flavour'],
  file: string,
): Promise<boolean> {
  const executed = await executedAt(control, flavour, { file, offset: firstEventOffset });
  return Number(/\d+$/.exec(file)?.[0]) === 1 && executed?.isEmpty === true;
}

export const unavailable = (
  why: string,
  details: DrcError['details'] = {},
  options?: ErrorOptions,
): DrcError =>
  new DrcError('BACKFILL_UNAVAILABLE', `What lies before the log cannot be read: ${why}`, details, options);
