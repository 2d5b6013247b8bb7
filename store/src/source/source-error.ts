import { DrcError, type ErrorCode } from '@drc/protocol';

/** What mysql2 and zongji put on their errors; nothing is certain to be there. */
interface DriverError {
  readonly message?: string;
  readonly code?: string;
  readonly errno?: number;
  readonly sqlMessage?: string;
}

/**
 * Error 1236 is one number for many situations, and only its text tells them apart.
 * Texts: MariaDB sql/sql_repl.cc, MySQL sql/rpl_binlog_sender.cc. The first that matches wins.
 */
const dumpFaults: readonly (readonly [pattern: RegExp, code: ErrorCode])[] = [
  [/same server_uuid\/server_id|same server_id/i, 'SERVER_ID_IN_USE'],
  [/could not find first log file name/i, 'BINLOG_PURGED'],
  [/purged required binary logs|have been purged|is missing the GTID/i, 'GTID_PURGED'],
  [/not in the master's binlog|has diverged|has more GTIDs/i, 'SOURCE_HISTORY_CHANGED'],
  [/impossible position|position > file size|bogus data in log event/i, 'BINLOG_POSITION'],
  [/could not find next log/i, 'BINLOG_RESET'],
  [/checksum (?:does not match|verification failed)|crc check|Checksum/, 'CHECKSUM_MISMATCH'],
  [/max_allowed_packet/i, 'SOURCE_CONFIG'],
  [/binary log is not open/i, 'SOURCE_CONFIG'],
  [/cannot replicate (?:gtid|anonymous)[- ]transaction when @@GLOBAL\.GTID_MODE/i, 'SOURCE_GTID_MODE'],
  [/truncated in the middle of event/i, 'EVENT_MALFORMED'],
];

/** By the server's error number. */
const serverFaults: Readonly<Record<number, ErrorCode>> = {
  1040: 'SOURCE_UNREACHABLE', // too many connections
  1044: 'SOURCE_PRIVILEGE',
  1045: 'SOURCE_AUTH',
  1049: 'SOURCE_CONFIG', // unknown database
  1129: 'SOURCE_UNREACHABLE', // host blocked
  1130: 'SOURCE_AUTH', // host not allowed
  1142: 'SOURCE_PRIVILEGE',
  1143: 'SOURCE_PRIVILEGE',
  1227: 'SOURCE_PRIVILEGE',
  1381: 'SOURCE_CONFIG', // no binary logging
  1698: 'SOURCE_AUTH',
  1862: 'SOURCE_AUTH', // password expired
  4052: 'SERVER_ID_IN_USE',
  4151: 'SOURCE_AUTH', // account locked
};

/** By the code that Node or mysql2 gives. */
const clientFaults: Readonly<Record<string, ErrorCode>> = {
  AUTH_SWITCH_PLUGIN_ERROR: 'SOURCE_AUTH',
  HANDSHAKE_NO_SSL_SUPPORT: 'SOURCE_CONFIG',
  HANDSHAKE_SSL_ERROR: 'SOURCE_UNREACHABLE',
  EAI_AGAIN: 'SOURCE_UNREACHABLE',
  ECONNREFUSED: 'SOURCE_UNREACHABLE',
  EHOSTUNREACH: 'SOURCE_UNREACHABLE',
  ENETUNREACH: 'SOURCE_UNREACHABLE',
  ENOENT: 'SOURCE_UNREACHABLE',
  ENOTFOUND: 'SOURCE_UNREACHABLE',
  ETIMEDOUT: 'SOURCE_UNREACHABLE',
};

/** From here on MariaDB and MySQL number errors each for itself; the driver knows MySQL's names only. */
const firstNumberOfOneServer = 1900;

/** Of whatever ends a dump. */
export const dumpErrno = 1236;

/**
 * The typed error for what a connection to the source reported. What is not known counts as a lost connection:
 * the position has not moved, so trying again is safe, and the text stands in the state for people to see.
 */
export function sourceError(error: unknown): DrcError {
  if (error instanceof DrcError) return error;
  const { message = String(error), code = '', errno, sqlMessage } = (error ?? {}) as DriverError;
  const text = sqlMessage ?? message;
  const isNamed = code !== '' && (errno === undefined || errno < firstNumberOfOneServer);
  const details = { ...(errno === undefined ? {} : { errno }), ...(isNamed ? { reason: code } : {}) };
  return new DrcError(codeOf(text, code, errno), `The connection to the source failed: ${text}`, details, {
    cause: error,
  });
}

function codeOf(text: string, code: string, errno: number | undefined): ErrorCode {
  if (errno === dumpErrno && isBeforeFirstEvent(text)) return 'BINLOG_POSITION';
  if (errno === dumpErrno) return dumpFaults.find(([pattern]) => pattern.test(text))?.[1] ?? 'SOURCE_LOST';
  return (errno === undefined ? undefined : serverFaults[errno]) ?? clientFaults[code] ?? 'SOURCE_LOST';
}

/**
 * The middle of an event looks like a file that was cut off, or like an event larger than any can be; but then nothing was
 * read behind our place. MySQL names the event before it as the last one read, with its folder; MariaDB our place itself.
 */
function isBeforeFirstEvent(text: string): boolean {
  const match =
    /(?:truncated in the middle of event|max_allowed_packet).*first event '([^']+)' at (\d+), the last event read from '([^']*\/)?([^'/]+)' at (\d+)/s.exec(
      text,
    );
  if (match === null) return false;
  const [, file, first, folder, lastFile, last] = match;
  return file === lastFile && Number(last) <= Number(first) - (folder === undefined ? 0 : 1);
}
