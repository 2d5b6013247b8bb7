import { DrcError } from '@drc/protocol';
import { expect, test } from 'vitest';
import { firstIds, historyEnd } from '../../store/src/history-end.js';
import { FakeLog, insertInto, tableVersion } from './serve/fake-log.js';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const orders = tableVersion('shop.orders');

function logOf(...ids: readonly string[]): FakeLog {
  const log = new FakeLog();
  log.register(orders);
  for (const id of ids) log.append([insertInto(orders, id)], id);
  return log;
}

const changed = (details: Record<string, string> = {}): DrcError =>
  new DrcError('SOURCE_HISTORY_CHANGED', 'Of the source, with all that it knows.', details);

test.each([
  [`${uuid}:5-9`, [`${uuid}:5`]],
  [`${uuid}:5-9:12`, [`${uuid}:5`, `${uuid}:12`]],
  [
    `${uuid}:5-9:batch:1-2:7,\n${uuid.replaceAll('3', '4')}:1`,
    [`${uuid}:5`, `${uuid}:batch:1`, `${uuid}:batch:7`, `${uuid.replaceAll('3', '4')}:1`],
  ],
  ['0-1-10,1-2-7', ['0-1-10', '1-2-7']],
  ['', []],
  [undefined, []],
])('the pieces of %j begin with %j', (missing, expected) => {
  expect(firstIds(missing)).toEqual(expected);
});

test('the history ends in front of the first transaction that the source does not have', async () => {
  const log = logOf(...[1, 2, 3, 4, 5].map((number) => `${uuid}:${number}`));
  const end = await historyEnd(log, changed({ missing: `${uuid}:3-5` }));
  expect(end).toMatchObject({
    lsn: 3,
    error: { code: 'SOURCE_HISTORY_CHANGED', details: { lsn: '3' } },
  });
});

test('of a MariaDB source the history ends behind what its state has', async () => {
  const log = logOf('0-1-1', '0-1-2', '1-1-1', '0-1-3', '0-1-4');
  const state = (text: string) => historyEnd(log, changed({ missing: '0-1-4', state: text }));
  expect(await state('0-1-2,1-1-1')).toMatchObject({ lsn: 4 });
  // Another server's transactions stand in their place.
  expect(await state('0-1-2,0-2-9,1-1-1')).toMatchObject({ lsn: 4 });
  expect(await state('0-1-3,1-1-1')).toMatchObject({ lsn: 5 });
  expect(await state('')).toMatchObject({ lsn: 1 });
});

test('the history ends in front of the stored transaction that is another one by now', async () => {
  const end = await historyEnd(logOf('0-1-1', '0-1-2', '0-1-3'), changed({ transaction: '0-1-3' }));
  expect(end).toMatchObject({ lsn: 3, error: { details: { lsn: '3' } } });
});

test('the history ends behind the log where it is not known what the source has lost', async () => {
  const log = logOf('0-1-1', '0-1-2');
  for (const error of [changed(), new DrcError('BINLOG_RESET', 'Reset.'), changed({ missing: '7-7-7' })]) {
    expect(await historyEnd(log, error)).toMatchObject({ lsn: 3, error: { code: error.code } });
  }
});

test('what else stops capture ends no history', async () => {
  for (const code of ['BINLOG_PURGED', 'SOURCE_CHANGED', 'UNSUPPORTED_EVENT'] as const)
    expect(await historyEnd(logOf('0-1-1'), new DrcError(code, 'Other.'))).toBeUndefined();
});

test('readers are not told what else the source has', async () => {
  const error = changed({ missing: '0-1-2', executed: 'a set of everything', file: 'bin.000001' });
  const end = await historyEnd(logOf('0-1-1', '0-1-2'), error);
  expect(Object.keys(end!.error.details)).toEqual(['lsn']);
  expect(end!.error.message).not.toContain('everything');
});
