import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Unpackr } from 'msgpackr';
import type { RowOperation, TableVersion } from '@drc/protocol';
import {
  ByteWriter,
  RowTranscoder,
  type TranscoderOptions,
} from '../../../store/src/source/row-transcoder.js';
import { parseTableMap, type TableMap } from '../../../store/src/source/table-schema.js';
import type { DatabaseServer } from '../../support/database-server.js';

/*
 * Binlog files read from the data directory: for tests that want events and no connection.
 *   file = magic 4 B | event*      event = header 19 B | body | CRC-32 4 B
 */
export interface BinlogEvent {
  readonly type: number;
  readonly bytes: Buffer;
  readonly bodyAt: number;
  readonly end: number;
}

export function* binlogEvents(file: Buffer): Generator<BinlogEvent> {
  for (let at = 4; at + 19 <= file.length; ) {
    const end = at + file.readUInt32LE(at + 9);
    yield { type: file[at + 4]!, bytes: file, bodyAt: at + 19, end: end - 4 };
    at = end;
  }
}

export const tableMapEvent = 19;
const operations: Readonly<Record<number, RowOperation>> = {
  23: 'insert',
  24: 'update',
  25: 'delete',
  30: 'insert',
  31: 'update',
  32: 'delete',
};
export const operationOf = (type: number): RowOperation | undefined => operations[type];

/** Where the column count of a row event stands; the newer form has extra data before it. */
export const columnsAtOf = ({ type, bytes, bodyAt }: BinlogEvent): number =>
  bodyAt + 8 + (type >= 30 ? bytes.readUInt16LE(bodyAt + 8) : 0);

/** Runs the statements and returns the binlog of exactly these. */
export async function binlogOf(server: DatabaseServer, run: () => Promise<unknown>): Promise<Buffer> {
  await server.query('FLUSH BINARY LOGS');
  const file = await currentBinlog(server);
  await run();
  return readFile(join(server.dataDir, file));
}

/** The name of the file that the server writes to. */
export async function currentBinlog(server: DatabaseServer): Promise<string> {
  const rows = await server.query(
    server.flavour === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS',
  );
  return (rows as { File: string }[])[0]!.File;
}

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'bigint' });

export interface DecodedRows {
  readonly kind: RowOperation;
  readonly version: TableVersion;
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
  /** Images in order: one a row, two for updates. */
  readonly images: readonly (readonly unknown[])[];
  readonly bytes: Buffer;
  /** Of its transcoder so far. */
  readonly losses: ReadonlyMap<string, number>;
}

/** Every row event of a binlog, transcoded and read back with msgpackr. */
export function decodeBinlog(
  file: Buffer,
  options: (map: TableMap) => TranscoderOptions = () => ({ flavour: 'mariadb' }),
): DecodedRows[] {
  const transcoders = new Map<number, RowTranscoder>();
  const out = new ByteWriter();
  const decoded: DecodedRows[] = [];
  for (const event of binlogEvents(file)) {
    if (event.type === tableMapEvent) {
      const map = parseTableMap(event.bytes, event.bodyAt, event.end);
      transcoders.set(map.tableId, new RowTranscoder(map, options(map)));
      continue;
    }
    const kind = operationOf(event.type);
    if (kind === undefined) continue;
    const transcoder = transcoders.get(event.bytes.readUIntLE(event.bodyAt, 6))!;
    const { rows, before, after } = transcoder.transcode(
      kind,
      event.bytes,
      columnsAtOf(event),
      event.end,
      out,
    );
    const bytes = out.take();
    const { version } = transcoder;
    const images = imagesOf(bytes);
    if (images.length !== rows * (kind === 'update' ? 2 : 1)) throw new Error('row count differs');
    decoded.push({ kind, version, before, after, images, bytes, losses: transcoder.losses });
  }
  return decoded;
}

/** Values of the images, which the marker 0x40 parts: as an integer it is 64, which is never written so short. */
export function imagesOf(bytes: Buffer): unknown[][] {
  const images: unknown[][] = [];
  let values: unknown[] = [];
  unpackr.unpackMultiple(bytes, (value: unknown, start?: number) => {
    if (bytes[start!] === 0x40) images.push((values = []));
    else values.push(value);
  });
  return images;
}
