import {
  decodeDdl,
  decodeGap,
  DrcError,
  hasSchemaId,
  imageMarker,
  parseRowsHeader,
  PartKind,
  partsOf,
  schemaIdOfPart,
  valueBytes,
  type Gap,
  type PartSlice,
} from '@drc/protocol';
import type { StoredChunk } from '../chunk-record.js';
import type { CatalogAudit } from './catalog-audit.js';

/** What the parts of one chunk hold. */
export interface AuditedParts {
  readonly rows: number;
  readonly gap: Gap | undefined;
}

/**
 * Walks the parts of a chunk: each must be what it says it is, its table version known, its rows as many as it counts, each
 * image of as many values as there are columns. Values are passed over, not read.
 * @throws DrcError `PROTOCOL_VIOLATION`
 */
export function auditParts({ bytes, partsAt, lsn }: StoredChunk, catalog: CatalogAudit): AuditedParts {
  let rows = 0;
  let gap: Gap | undefined;
  for (const part of partsOf(bytes, partsAt)) {
    if (hasSchemaId(part.kind)) rows += auditRows(bytes, part, lsn, catalog);
    else if (part.kind === PartKind.gap) gap = decodeGap(bytes.subarray(part.bodyAt, part.end));
    else decodeDdl(bytes.subarray(part.bodyAt, part.end));
    if (gap !== undefined && (part.at !== partsAt || part.end !== bytes.length))
      throw malformed('a gap is not the only part of its transaction');
  }
  return { rows, gap };
}

function auditRows(bytes: Buffer, part: PartSlice, lsn: number, catalog: CatalogAudit): number {
  const table = catalog.used(schemaIdOfPart(bytes, part), lsn);
  if (table === undefined) return 0;
  const columns = table.version.columns.length;
  const { rows, before, after, imagesAt } = parseRowsHeader(bytes, part, columns);
  // Of the columns present: an update has an image before and one after.
  const widths = [
    ...(part.kind === PartKind.insert || part.kind === PartKind.sequence ? [] : [widthOf(before, columns)]),
    ...(part.kind === PartKind.delete ? [] : [widthOf(after, columns)]),
  ];
  let at = imagesAt;
  let found = 0;
  for (; at < part.end; found++) for (const width of widths) at = behindImage(bytes, at, part.end, width);
  if (found !== rows) throw malformed(`a part of ${rows} rows has ${found}`);
  table.rows += rows;
  return rows;
}

function behindImage(bytes: Buffer, from: number, end: number, width: number): number {
  if (bytes[from] !== imageMarker) throw malformed(`no row image at byte ${from}`);
  let at = from + 1;
  // What lies beyond the bytes makes it NaN, or more than the end.
  for (let column = 0; column < width && at < end; column++) at += valueBytes(bytes, at);
  if (!(at <= end)) throw malformed('a row image goes beyond its part');
  return at;
}

function widthOf(present: Buffer | undefined, columns: number): number {
  if (present === undefined) return columns;
  let width = 0;
  for (let column = 0; column < columns; column++) width += (present[column >> 3]! >> (column & 7)) & 1;
  return width;
}

const malformed = (what: string): DrcError => new DrcError('PROTOCOL_VIOLATION', `Malformed parts: ${what}.`);
