import { describe, expect, it } from 'vitest';
import type { RowsEvent } from '../../../store/src/source/binlog-events.js';
import { ColumnCode } from '../../../store/src/source/column-code.js';
import type { MapColumn, TableMap } from '../../../store/src/source/table-schema.js';
import { VersionedRows, versioningOf } from '../../../store/src/source/versioned-rows.js';

const column = (name: string, code: number, metadata: number): MapColumn => ({
  name,
  code,
  metadata,
  nullable: false,
  unsigned: false,
  visible: true,
});
const moment = (name: string): MapColumn => column(name, ColumnCode.timestamp2, 6);
const tableOf = (columns: readonly MapColumn[]): TableMap => ({
  tableId: 1,
  schema: 'shop',
  table: 't',
  columns,
  primaryKey: [0],
  hasFullMetadata: true,
  textCharsets: { fallback: undefined, at: new Map() },
  labelCharsets: { fallback: undefined, at: new Map() },
});
const id = column('id', ColumnCode.tiny, 0);
const plain = tableOf([id, moment('row_start'), moment('row_end')]);
const hidden = { rowEnd: 2, hidden: new Set(['row_start', 'row_end']) };
const timestamp = { dataType: 'timestamp', columnType: 'timestamp(6)' };
const tiny = { dataType: 'tinyint', columnType: 'tinyint' };

describe('versioningOf', () => {
  it('knows the columns that the server made by themselves from those that the table declares', () => {
    expect(versioningOf(plain, new Map([['id', tiny]]))).toEqual(hidden);
    expect(versioningOf(plain, undefined)).toBeUndefined();
    const own = [['row_start', timestamp] as const, ['row_end', timestamp] as const];
    expect(versioningOf(plain, new Map(own))).toBeUndefined();
    const declared = tableOf([moment('ended'), id, moment('began')]);
    expect(versioningOf(declared, new Map([['ended', { ...timestamp, isRowEnd: true as const }]]))).toEqual({
      rowEnd: 0,
      hidden: new Set(),
    });
    expect(versioningOf(declared, undefined)).toBeUndefined();
    expect(versioningOf(tableOf([moment('row_start')]), undefined)).toBeUndefined();
  });
});

describe('VersionedRows', () => {
  const versioned = new VersionedRows(plain, hidden, 'mariadb', undefined);
  const current = [0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f];
  const latest = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f];
  const ended = [0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3e];
  const image = (key: number, end: readonly number[]): number[] => [0, key, 0, 0, 0, 1, 0, 0, 0, ...end];
  const event = (operation: RowsEvent['operation'], ...images: number[][]): RowsEvent => {
    const bitmaps = operation === 'update' ? [7, 7] : [7];
    const body = Buffer.from([99, 3, ...bitmaps, ...images.flat()]);
    return {
      kind: 'rows',
      type: 23,
      timestamp: 0,
      serverId: 1,
      offset: 0,
      operation,
      tableId: 1,
      flags: 0,
      body,
      columnsAt: 1,
      end: body.length,
    };
  };
  const shown = (of: RowsEvent): unknown => {
    const { events, history } = versioned.current(of);
    return [
      history,
      ...events.map(({ operation, body, columnsAt, end }) => [operation, [...body.subarray(columnsAt, end)]]),
    ];
  };

  it('takes history out, and leaves an event without it as it is', () => {
    const all = event('insert', image(1, current), image(2, latest));
    expect(versioned.current(all).events[0]).toBe(all);
    expect(shown(event('insert', image(1, current), image(2, ended), image(3, current)))).toEqual([
      1,
      ['insert', [3, 7, ...image(1, current), ...image(3, current)]],
    ]);
    expect(shown(event('delete', image(1, ended), image(2, ended)))).toEqual([2]);
    expect(shown(event('delete', image(1, current)))).toEqual([0, ['delete', [3, 7, ...image(1, current)]]]);
  });

  it('makes an update what it does to the current rows, in the order of the rows', () => {
    const rows = event(
      'update',
      image(1, current),
      image(2, current),
      image(3, current),
      image(3, ended),
      image(4, current),
      image(4, ended),
      image(5, ended),
      image(5, ended),
      image(6, ended),
      image(6, current),
    );
    expect(shown(rows)).toEqual([
      1,
      ['update', [3, 7, 7, ...image(1, current), ...image(2, current)]],
      ['delete', [3, 7, ...image(3, current), ...image(4, current)]],
      ['insert', [3, 7, ...image(6, current)]],
    ]);
  });

  it('refuses an event that ends within a row, or is of another table', () => {
    for (const cut of [1, 7, 15]) {
      const whole = event('insert', image(1, current));
      expect(() => versioned.current({ ...whole, end: whole.end - cut })).toThrow('Malformed event');
    }
    const other = new VersionedRows(tableOf([id]), { rowEnd: 0, hidden: new Set() }, 'mariadb', undefined);
    expect(() => other.current(event('insert', image(1, current)))).toThrow('Malformed event');
  });
});
