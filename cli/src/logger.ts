import { type Logger, destination, pino } from 'pino';

/** Structured lines on stderr; readable ones on a terminal. Level from DRC_LOG_LEVEL, default `info`. */
export async function makeLogger(
  name: string,
  level = process.env['DRC_LOG_LEVEL'] ?? 'info',
): Promise<Logger> {
  const options = { name, level, redact: ['*.password', '*.machineKey', '*.token', '*.ticket'] };
  const stream = process.stderr.isTTY
    ? (await import('pino-pretty')).PinoPretty({
        destination: 2,
        colorize: true,
        ignore: 'pid,hostname',
        sync: true,
      })
    : destination({ dest: 2, sync: true });
  return pino(options, stream);
}
