import { afterAll, beforeAll, expect, it } from 'vitest';
import { TransactionSet } from '@drc/protocol';
import { systemClock } from '../../../store/src/clock.js';
import { nextTransaction } from '../../../store/src/source/next-transaction.js';
import { SourceControl } from '../../../store/src/source/source-control.js';
import { TableFilter } from '../../../store/src/source/table-filter.js';
import type { NextTransaction } from '../../../store/src/source/transaction-trial.js';
import { loadZstd } from '../../../store/src/source/zstd.js';
import { EventType } from '../../../store/src/source/binlog-events.js';
import { insertEvents, serverBinlog } from '../../support/binlog-file.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onServer } from '../../support/on-each-server.js';
import { currentBinlog } from './binlog-rows.js';

/*
 * Behind 4 GiB of a file without GTIDs reading begins at the file's first event (test/soak/large-files.test.ts reads such
 * a file). Here the file is small, and read so all the same.
 */
onServer('mysql', 'a file that is read again from its first event', (flavour) => {
  let source: DatabaseServer;
  let file: string;
  /** Behind each transaction of the file. */
  let ends: readonly number[];

  beforeAll(async () => {
    source = await startServer(flavour, { args: ['--gtid-mode=OFF'] });
    await source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); FLUSH BINARY LOGS');
    file = await currentBinlog(source);
    await source.query(
      'INSERT INTO shop.t VALUES (1); INSERT INTO shop.t VALUES (2); INSERT INTO shop.t VALUES (3)',
    );
    await source.query(
      "SET SESSION binlog_format = 'STATEMENT'; INSERT INTO shop.t VALUES (4); FLUSH BINARY LOGS",
    );
    // The first transaction holds what nobody can read: it was left out before.
    await insertEvents(source, file, [{ type: EventType.WRITE_ROWS, body: Buffer.alloc(4) }], 5);
    const events = await serverBinlog(source, file);
    ends = events.flatMap(({ type, offset, bytes }) =>
      type === EventType.XID ? [offset + bytes.length] : [],
    );
  });

  afterAll(() => source.stop());

  /** What comes next for a log that has so many transactions of the file. */
  async function next(stored: number): Promise<NextTransaction | undefined> {
    const { signal } = new AbortController();
    await using control = await SourceControl.connect(source, signal);
    const position = { file, offset: stored === 0 ? 4 : ends[stored - 1]! };
    return await nextTransaction({
      log: { capture: { executed: new TransactionSet(), position }, isPrepared: () => false },
      control,
      filter: new TableFilter(),
      flavour,
      beginning: { position, start: { file, position: 4 } },
      reader: { source, serverId: 4_711, clock: systemClock, heartbeatMs: 1_000, signal },
      zstd: loadZstd,
    });
  }

  it('gives the transaction behind the position, and its place, never one in front of it', async () => {
    expect(ends).toHaveLength(4);
    for (const stored of [0, 1, 2, 3]) {
      const { group, position, fault } = (await next(stored))!;
      expect(group.from.file).toBe(file);
      expect(group.from.offset).toBe(stored === 0 ? group.from.offset : ends[stored - 1]);
      expect(group.id.endsWith(`/${file}:${group.from.offset}`)).toBe(true);
      expect(position).toMatchObject({ file, offset: ends[stored] });
      expect(fault?.code).toBe(['EVENT_MALFORMED', undefined, undefined, 'STATEMENT_EVENT'][stored]);
    }
    expect(await next(4)).toBeUndefined();
  });
});
