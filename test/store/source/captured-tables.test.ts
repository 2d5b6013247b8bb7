import { expect, it } from 'vitest';
import { EventType } from '../../../store/src/source/binlog-events.js';
import { CaptureCounters } from '../../../store/src/source/capture-counters.js';
import { CapturedTables } from '../../../store/src/source/captured-tables.js';
import { LearnedTypes } from '../../../store/src/source/learned-types.js';
import { TableFilter } from '../../../store/src/source/table-filter.js';

/** The table map of `d.t`, which has no columns, under this id. */
function tableMap(tableId: number): Parameters<CapturedTables['learn']>[0] {
  const body = Buffer.from('00000000000001000164000174000000', 'hex');
  body.writeUIntLE(tableId, 0, 6);
  const place = { type: EventType.TABLE_MAP, timestamp: 0, serverId: 1, offset: 4 };
  return { kind: 'table-map', ...place, tableId, body, bodyAt: 0, end: body.length, isRepeated: false };
}

it('forgets tables between groups where there are very many, and not before', async () => {
  const tables = new CapturedTables({
    flavour: 'mysql',
    filter: new TableFilter({ exclude: ['d.*'] }),
    learned: new LearnedTypes(() => Promise.resolve(undefined)),
    counters: new CaptureCounters(),
    register: () => Buffer.alloc(16),
    warn: () => undefined,
  });
  for (let id = 1; id <= 4096; id++) await tables.learn(tableMap(id));
  tables.trim();
  expect(tables.of(1)).toMatchObject({ name: 'd.t', rows: undefined });
  await tables.learn(tableMap(4097));
  expect(tables.of(1)).toBeDefined();
  tables.trim();
  expect([tables.of(1), tables.of(4097)]).toEqual([undefined, undefined]);
});
