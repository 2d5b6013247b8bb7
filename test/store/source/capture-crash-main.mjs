// A process that captures and kills itself at the n-th passage of a named point. Arguments: one JSON object.
import pino from 'pino';
import { systemClock } from '../../../store/dist/clock.js';
import { TransactionLog } from '../../../store/dist/log/transaction-log.js';
import { Capture } from '../../../store/dist/source/capture.js';
import { TableFilter } from '../../../store/dist/source/table-filter.js';

const { source, directory, point, passage } = JSON.parse(process.argv[2]);
const logger = pino({ level: 'silent' });
let passed = 0;
const hooks = {
  at(here) {
    if (here === point && ++passed === passage) process.kill(process.pid, 'SIGKILL');
  },
};
const log = await TransactionLog.open({
  directory,
  topic: 'shop',
  clock: systemClock,
  logger,
  diskReserveBytes: 0,
  hooks,
});
const capture = new Capture({
  log,
  source,
  filter: new TableFilter(),
  clock: systemClock,
  logger,
  hooks,
});
const error = await capture.ended;
process.stderr.write(`${String(error)}\n`);
process.exit(1);
