import { DrcError } from '@drc/protocol';
import { malformedEvent } from './event-bytes.js';

/*
 * An XID stands in three forms, which are brought to one text, that of the servers' own statements:
 *
 *   xid       = "X'" gtrid "'" ",X'" bqual "'" "," format id        gtrid, bqual: up to 64 bytes in lower-case hex
 *   statement = "XA " ("START" | "END" | "COMMIT" | "ROLLBACK") " " xid [" ONE PHASE"]
 *
 * The servers write the statement anew, so that it looks so whatever the session wrote (MySQL sql/xa.cc, MariaDB
 * sql/xa.cc: serialize_xid); the format id of the binary forms is u32.
 */

const maxPartBytes = 64;

/** One text for an XID, the same whichever event it stands in. @throws DrcError `EVENT_MALFORMED`. */
export function xidKey(formatId: number, gtrid: Buffer, bqual: Buffer): string {
  if (gtrid.length > maxPartBytes || bqual.length > maxPartBytes)
    throw malformedEvent('XID that is too long');
  return `X'${gtrid.toString('hex')}',X'${bqual.toString('hex')}',${formatId}`;
}

/** What an XA_PREPARE event says. */
export interface XaPrepare {
  readonly xid: string;
  /**
   * The group is committed (MySQL: XA COMMIT … ONE PHASE); otherwise a group of its own tells later what becomes of it.
   * MariaDB ends a one-phase group by XID.
   */
  readonly onePhase: boolean;
}

/**
 * XA_PREPARE, of both servers: one phase u8 | format id u32 | length of gtrid u32 | of bqual u32 | gtrid | bqual
 * @throws DrcError `EVENT_MALFORMED`
 */
export function parseXaPrepare(event: Buffer, bodyAt: number, end: number): XaPrepare {
  if (bodyAt + 13 > end) throw malformedEvent('XA_PREPARE that is too short');
  const onePhase = event[bodyAt]!;
  const gtridAt = bodyAt + 13;
  const bqualAt = gtridAt + event.readUInt32LE(bodyAt + 5);
  const xidEnd = bqualAt + event.readUInt32LE(bodyAt + 9);
  if (onePhase > 1 || xidEnd !== end) throw malformedEvent('XA_PREPARE whose lengths are wrong');
  const xid = xidKey(
    event.readUInt32LE(bodyAt + 1),
    event.subarray(gtridAt, bqualAt),
    event.subarray(bqualAt, end),
  );
  return { xid, onePhase: onePhase === 1 };
}

/** What a statement about an XA transaction says. */
export interface XaStatement {
  /** START stands for a BEGIN; END precedes XA_PREPARE; the others decide over a prepared transaction. */
  readonly verb: 'start' | 'end' | 'commit' | 'rollback';
  readonly xid: string;
}

const statementPattern =
  /^XA (START|END|COMMIT|ROLLBACK) (X'(?:[0-9a-f]{2}){0,64}',X'(?:[0-9a-f]{2}){0,64}',\d{1,10})(?: ONE PHASE)?$/;

/**
 * The text of a QUERY event; undefined where it is about something else.
 * @throws DrcError `UNSUPPORTED_EVENT` for an XA statement in a form that no known server writes.
 */
export function parseXaStatement(statement: Buffer): XaStatement | undefined {
  if (statement.length < 3 || statement.toString('latin1', 0, 3).toUpperCase() !== 'XA ') return undefined;
  const match = statementPattern.exec(statement.toString('latin1'));
  if (match === null)
    throw new DrcError(
      'UNSUPPORTED_EVENT',
      'A statement begins with XA and is not one that a server writes.',
    );
  return { verb: match[1]!.toLowerCase() as XaStatement['verb'], xid: match[2]! };
}
