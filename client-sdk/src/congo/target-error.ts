import { DrcError } from '@drc/protocol';

/** Losses and refusals that pass: the transaction is tried again as a whole, for as long as it takes. */
const passing = new Set([
  1020, // record has changed since last read (snapshot isolation)
  1021, // disk full
  1040, // too many connections
  1041, // out of resources
  1047, // the cluster node is not ready
  1053, // server shutdown in progress
  1114, // table is full
  1180, // error during COMMIT; what became of it, the record tells
  1203, // too many connections of this user
  1205, // lock wait timeout
  1213, // deadlock
  1226, // a limit of this user
  1290, // read-only
  1317, // query interrupted
  1615, // prepared statement needs to be prepared again
  1792, // read-only transaction
  1836, // read-only mode
  1927, // connection was killed
  1969, // max_statement_time
  2006, // server has gone away
  2013, // lost connection
  3101, // rolled back by the group
  3169, // session was killed
  4031, // disconnected while idle
]);

/** No such schema, column or table; no privilege. */
const configuration = new Set([1044, 1045, 1049, 1054, 1142, 1143, 1146, 1227, 1698]);

const duplicate = 1062;
const packetTooLarge = 1153;

/** Sorts an error of mysql2 by number, never by its text. */
export function targetError(cause: unknown, what: string): DrcError {
  if (cause instanceof DrcError) return cause;
  if (cause instanceof TypeError) return new DrcError('INTERNAL', `${what}: ${cause.message}`, {}, { cause });
  const { errno, code, message, fatal } = cause as {
    errno?: number;
    code?: string;
    message?: string;
    fatal?: boolean;
  };
  const details = { ...(errno === undefined ? {} : { errno }), ...(code ? { reason: code } : {}) };
  const error = (of: ConstructorParameters<typeof DrcError>[0]): DrcError =>
    new DrcError(of, `${what}: ${message ?? String(cause)}`, details, { cause });
  // Numbers below 1000 are the operating system's: a reset connection, a full disk.
  if (errno === undefined || errno < 1000 || passing.has(errno)) return error('TARGET_UNREACHABLE');
  if (errno === duplicate) return error('ROW_DUPLICATE');
  if (errno === packetTooLarge || configuration.has(errno)) return error('TARGET_CONFIG');
  return error(fatal === true ? 'TARGET_UNREACHABLE' : 'TARGET_REFUSED');
}
