import { type Logger, destination, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

/** Structured lines on stderr; readable ones on a terminal. Level from DRC_LOG_LEVEL, default `info`. */
export function makeLogger(name: string, level = process.env['DRC_LOG_LEVEL'] ?? 'info'): Logger {
  const options = { name, level, redact: ['*.password', '*.machineKey', '*.token', '*.ticket'] };
  const stream = process.stderr.isTTY
    ? PinoPretty({ destination: 2, colorize: true, ignore: 'pid,hostname', sync: true })
    : destination({ dest: 2, sync: true });
  return pino(options, stream);
}
