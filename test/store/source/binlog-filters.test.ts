import { expect, it } from 'vitest';
import { warnOfBinlogFilters } from '../../../store/src/source/binlog-filters.js';
import { SourceControl } from '../../../store/src/source/source-control.js';
import { startMariadb } from '../../support/mariadb.js';

it('warns of the schemas that the source keeps out of its binlog, once, and of nothing where there are none', async () => {
  const warnings: unknown[] = [];
  const logger = { warn: (details: unknown) => void warnings.push(details) };
  await using plain = await startMariadb();
  {
    await using control = await SourceControl.connect(plain);
    expect(await warnOfBinlogFilters(control, logger, '')).toBe('');
  }
  expect(warnings).toEqual([]);
  await using filtering = await startMariadb({
    args: ['--binlog-do-db=shop', '--binlog-do-db=crm', '--binlog-ignore-db=tmp'],
  });
  await filtering.query("GRANT REPLICATION SLAVE, BINLOG MONITOR, SELECT ON *.* TO 'plain'@'127.0.0.1'");
  await using control = await SourceControl.connect({
    host: filtering.host,
    port: filtering.port,
    ...filtering.plainUser,
  });
  const known = await warnOfBinlogFilters(control, logger, '');
  await warnOfBinlogFilters(control, logger, known);
  expect(warnings).toEqual([{ filters: ['binlog_do_db = shop,crm', 'binlog_ignore_db = tmp'] }]);
});
