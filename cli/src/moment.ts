import { Checkpoint, type SubscribeOptions, TransactionSet } from '@drc/client-sdk';
import { DrcError, isTransactionId } from '@drc/protocol';

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `-15m` (also s, h, d) as ms since 1970; undefined where it is something else. */
export function parseAgo(text: string, now: number): number | undefined {
  const ago = /^-(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  return ago === null ? undefined : now - Number(ago[1]) * unitMs[ago[2] as keyof typeof unitMs];
}

/** Within what the SDK takes for a moment at all: from 2001-09-09 to the year 3000. False for NaN. */
const isPossible = (time: number): boolean => time >= 1e12 && time <= Date.UTC(3000, 0);

/**
 * A moment as typed, in ms since 1970: `-15m`, or a date with or without time; undefined where it is neither, NaN where it
 * is one that cannot be. A date wins over the id of a transaction that looks like one.
 */
export function parseTime(text: string, now: number): number | undefined {
  const time = parseAgo(text, now) ?? (/^\d{4}-\d{2}-\d{2}(?!\d)/.test(text) ? Date.parse(text) : undefined);
  return time === undefined || isPossible(time) ? time : NaN;
}

/** `0-1-77`, a MySQL GTID, `server/file:offset`, or any of them behind `transaction:`; undefined where it is none. */
export function parseTransaction(text: string): string | undefined {
  const id = text.replace(/^transaction:/, '');
  return isTransactionId(id) ? id : undefined;
}

/** Where a stream begins; a snapshot is no moment. */
export type Moment = Exclude<NonNullable<SubscribeOptions['from']>, 'snapshot'>;

/** Where to begin, as typed: a moment, or `snapshot` for the rows that are there and what follows. @throws as `parseMoment` */
export const parseBeginning = (text: string, now: number, topic: string): Moment | 'snapshot' =>
  text === 'snapshot' ? text : parseMoment(text, now, topic);

/**
 * Where to begin, as typed: `earliest`, `latest`, `-15m` (also s, h, d: that long ago), a date with time
 * (`2026-11-22T08:00Z`), the id of a transaction, `after:` and a set of them as the servers print it, or a checkpoint as
 * the SDK prints it.
 * @throws DrcError `CONFIG_INVALID`.
 */
export function parseMoment(text: string, now: number, topic: string): Moment {
  if (text === 'earliest' || text === 'latest') return text;
  const time = parseTime(text, now);
  const transaction = parseTransaction(text);
  if (time !== undefined) {
    if (!Number.isNaN(time)) return { timestamp: time };
  } else if (transaction !== undefined) {
    return { transaction };
  } else if (text.startsWith('after:')) {
    const set = parseSet(text.slice('after:'.length));
    if (set?.isEmpty === false) return { checkpoint: new Checkpoint({ topic, set }) };
  } else if (/^[A-Za-z0-9_-]{16,}$/.test(text)) {
    return { checkpoint: text };
  }
  throw new DrcError(
    'CONFIG_INVALID',
    `'${text}' is not a moment. Use earliest, latest, -15m, a date like 2026-11-22T08:00Z, the id of a transaction, after: and a set of them, or a checkpoint.`,
  );
}

function parseSet(text: string): TransactionSet | undefined {
  try {
    return TransactionSet.parse(text);
  } catch {
    return undefined;
  }
}
