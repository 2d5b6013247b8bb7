import { encodeSnapshotHead } from '@drc/protocol';
import type { SnapshotPiece } from '../table-copy/snapshot-copy.js';
import type { FilterView } from './filter-view.js';
import type { SeenTable } from './seen-table.js';

/** The body of a snapshot record (protocol/record.ts), in two pieces. */
export interface SnapshotRecord {
  readonly head: Buffer;
  readonly parts: Buffer;
  /** Whose rows they are; undefined where there are none. */
  readonly table: SeenTable | undefined;
  readonly rows: number;
}

const nothing = { parts: Buffer.alloc(0), table: undefined, rows: 0 };
/** Bytes of names in the head of one record. */
const maxPlanBytes = 32 * 1024;

/** What a reader gets of a piece of a copy. @throws DrcError `CONDITION_FAILED`, `CONDITION_INVALID`, `FORBIDDEN` */
export function snapshotRecordsOf(piece: SnapshotPiece, view: FilterView): SnapshotRecord[] {
  if (piece.kind === 'plan')
    return pagesOf(piece.tables).map((tables) => ({
      head: encodeSnapshotHead({ kind: 'plan', tables }),
      ...nothing,
    }));
  const { kind, version, images, table, key, rows, time, estimatedRows, done } = piece;
  const head = encodeSnapshotHead({ kind, table, key, rows, time, estimatedRows, done });
  const copied = version && view.copied(version, images);
  return [copied === undefined || copied.rows === 0 ? { head, ...nothing } : { head, ...copied }];
}

/** Names of tables in as many lists as it takes for each to fit the head of a record. */
function pagesOf(tables: readonly string[]): string[][] {
  const pages: string[][] = [[]];
  let bytes = 0;
  for (const table of tables) {
    const own = Buffer.byteLength(table) + 5;
    if (bytes + own > maxPlanBytes) {
      pages.push([]);
      bytes = 0;
    }
    pages.at(-1)!.push(table);
    bytes += own;
  }
  return pages;
}
