import { imageMarker, PartKind, partsOf, valueBytes } from '@drc/protocol';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';

/** What the log has of one table: the images of its inserts in order, and the schema id that they were written under last. */
export interface StreamedTable {
  readonly schemaId: string;
  readonly images: readonly Buffer[];
}

/** By `schema.table`. */
export async function streamedTables(log: TransactionLog): Promise<ReadonlyMap<string, StreamedTable>> {
  const tables = new Map<string, { schemaId: string; images: Buffer[] }>();
  const { signal } = new AbortController();
  for (let cursor = { lsn: 1, chunk: 0 }; ; ) {
    const { chunks, next } = await log.read(cursor, { maxBytes: 1024 * 1024, signal });
    if (chunks.length === 0) return tables;
    cursor = next;
    for (const chunk of chunks)
      for (const part of partsOf(chunk.bytes, chunk.partsAt)) {
        if (part.kind !== PartKind.insert) continue;
        const id = Buffer.from(chunk.bytes.subarray(part.bodyAt, part.bodyAt + 16));
        const version = await log.table(id);
        const name = `${version.schema}.${version.table}`;
        const table = tables.get(name) ?? { schemaId: '', images: [] };
        table.schemaId = id.toString('hex');
        table.images.push(...imagesIn(chunk.bytes, part.bodyAt + 20, part.end, version.columns.length));
        tables.set(name, table);
      }
  }
}

/** Of images with all columns. */
function imagesIn(bytes: Buffer, from: number, end: number, columns: number): Buffer[] {
  const images: Buffer[] = [];
  for (let at = from; at < end; ) {
    if (bytes[at] !== imageMarker) throw new Error(`No image at ${at}.`);
    let behind = at + 1;
    for (let column = 0; column < columns; column++) behind += valueBytes(bytes, behind);
    images.push(Buffer.from(bytes.subarray(at, behind)));
    at = behind;
  }
  return images;
}
