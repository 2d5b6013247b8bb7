import { DrcError } from '@drc/protocol';

/*
 * The body of a QUERY event (MariaDB sql/log_event.h, Query_log_event; MySQL statement_events.h):
 *
 *   body   = thread u32 | seconds u32 | length of schema u8 | error u16 | length of variables u16
 *          | variable* | schema | 0x00 | statement
 *   variable = code u8 | value, whose length only the code tells; the codes rise
 */
const fixedBytes = 13;

const StatusVariable = {
  flags2: 0,
  sqlMode: 1,
  catalog: 2,
  autoIncrement: 3,
  charset: 4,
  timeZone: 5,
  catalogNz: 6,
} as const;

export interface QueryBody {
  readonly defaultSchema: string;
  readonly sqlMode: number;
  readonly charset: readonly [client: number, connection: number, server: number];
  readonly timeZone: string;
  /** Where the statement begins. */
  readonly statementAt: number;
}

/** @throws DrcError `EVENT_MALFORMED`. */
export function parseQueryBody(event: Buffer, bodyAt: number, end: number): QueryBody {
  const variablesAt = bodyAt + fixedBytes;
  if (variablesAt > end) throw malformed();
  const schemaBytes = event[bodyAt + 8]!;
  const schemaAt = variablesAt + event.readUInt16LE(bodyAt + 11);
  const statementAt = schemaAt + schemaBytes + 1;
  if (statementAt > end) throw malformed();
  return {
    ...parseVariables(event.subarray(variablesAt, schemaAt)),
    defaultSchema: event.toString('utf8', schemaAt, schemaAt + schemaBytes),
    statementAt,
  };
}

type Context = Pick<QueryBody, 'sqlMode' | 'charset' | 'timeZone'>;

/**
 * What is wanted comes before any variable whose length is not known here, since the servers write them by rising
 * code; the rest is context that DRC does not keep.
 */
function parseVariables(bytes: Buffer): Context {
  let sqlMode = 0;
  let charset: Context['charset'] = [0, 0, 0];
  let timeZone = '';
  const need = (upTo: number): void => {
    if (upTo > bytes.length) throw malformed();
  };
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at++]!;
    if (code === StatusVariable.flags2 || code === StatusVariable.autoIncrement) {
      at += 4;
    } else if (code === StatusVariable.sqlMode) {
      need(at + 8);
      sqlMode = Number(bytes.readBigUInt64LE(at));
      at += 8;
    } else if (code === StatusVariable.charset) {
      need(at + 6);
      charset = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2), bytes.readUInt16LE(at + 4)];
      at += 6;
    } else if (code === StatusVariable.timeZone) {
      need(at + 1);
      const next = at + 1 + bytes[at]!;
      need(next);
      timeZone = bytes.toString('latin1', at + 1, next);
      at = next;
    } else if (code === StatusVariable.catalog || code === StatusVariable.catalogNz) {
      need(at + 1);
      at += 1 + bytes[at]! + (code === StatusVariable.catalog ? 1 : 0);
    } else {
      break;
    }
  }
  return { sqlMode, charset, timeZone };
}

const malformed = (): DrcError => new DrcError('EVENT_MALFORMED', 'A QUERY event overruns its own length.');
