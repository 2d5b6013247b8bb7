import { TransactionSet } from '@drc/protocol';
import { expect, it } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { binlogFiles, executedAt, readFileStart } from '../../../store/src/source/first-position.js';
import { HistoryWatch } from '../../../store/src/source/history-watch.js';
import { SourceControl } from '../../../store/src/source/source-control.js';
import { startServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

onEachServer('the watch over a source’s history', (flavour) => {
  it('knows another file of the same name, size and GTIDs by when it was begun', async () => {
    await using server = await startServer(flavour);
    await server.query('CREATE DATABASE shop');
    await using control = await SourceControl.connect(server);
    const newest = (await binlogFiles(control)).at(-1)!;
    const position = { file: newest.file, offset: newest.size };
    const executed = (await executedAt(control, flavour, position)) ?? TransactionSet.parse('');
    const fileStart = (file: string): Promise<number> =>
      readFileStart({ source: server, serverId: 4_000_000_001, clock: systemClock }, file);
    const begun = (await fileStart(position.file)) / 1000;
    const uuid = flavour === 'mysql' ? ((await control.value('SELECT @@server_uuid')) ?? '') : '';
    const identity = { flavour, uuid, serverId: 1 };
    const look = async (known: number | undefined): Promise<void> => {
      const captured = { identity, executed, position: { ...position, begun: known } };
      const watch = new HistoryWatch(control, identity, () => captured, fileStart);
      await watch.look({ file: position.file, size: position.offset + 1 });
    };
    await look(begun);
    await look(undefined);
    await expect(look(begun - 1)).rejects.toMatchObject({ code: 'SOURCE_HISTORY_CHANGED' });
  });
});
