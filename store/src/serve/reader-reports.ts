import { isDrcError, type LogExtent, type LogMoment, type ReaderReport } from '@drc/protocol';
import type { LogRest } from '../log/log-rest.js';
import type { SessionStatus } from './session-status.js';

/** What this needs of the log. */
export interface MeasurableLog {
  readonly head: { readonly value: LogMoment };
  /** @throws DrcError `RETENTION_EXPIRED` where it was trimmed. */
  restFrom(lsn: number): Promise<LogRest>;
}

/** What this needs of a session. */
export interface WatchedReader {
  readonly status: SessionStatus;
  tellFalling(inMs: number): void;
}

/** So many sessions are looked at: those that are furthest behind. */
export const maxReports = 1000;
/** A log of this share of the size that it may have is about to be trimmed by it. */
const fullShare = 0.9;
/** A reader is warned when this share of what the log keeps is left to it, and an hour at most. */
const warningShare = 0.1;
const longestWarningMs = 3_600_000;

/** For how long what comes in now will be kept, ms: a log that has the size it may have keeps about what it spans now. */
export function keptMs(
  { retentionMs, retentionBytes }: { retentionMs: number; retentionBytes?: number | undefined },
  { head, oldest }: LogExtent,
  bytes: number | undefined,
): number {
  const isFull = retentionBytes !== undefined && (bytes ?? 0) >= retentionBytes * fullShare;
  return isFull ? Math.min(retentionMs, Math.max(0, head.time - oldest.time)) : retentionMs;
}

/**
 * Looks where each session that has subscribed is, the one that is furthest behind first, and warns those who are about to
 * fall off the log.
 * @param kept for how long the log keeps what comes in, ms
 * @throws DrcError `LOG_CORRUPT`, `CLOSED`.
 */
export async function readerReports(
  readers: readonly WatchedReader[],
  log: MeasurableLog,
  kept: number,
  now: number,
): Promise<readonly ReaderReport[]> {
  const head = log.head.value.lsn;
  const behind = readers
    .map((reader) => ({ reader, status: reader.status }))
    .filter(({ status }) => status.lsn > 0)
    .map((seen) => ({ ...seen, next: (seen.status.committedLsn ?? seen.status.lsn - 1) + 1 }))
    .toSorted((a, b) => a.next - b.next)
    .slice(0, maxReports);
  /** Many of them stand at the same place. */
  const rests = new Map<number, LogRest | undefined>();
  const reports: ReaderReport[] = [];
  for (const { reader, status, next } of behind) {
    if (next <= head && !rests.has(next)) rests.set(next, await restUnlessTrimmed(log, next));
    const { principal, name, client, state, lsn, committedLsn } = status;
    const lag: ReaderLag = next > head ? { lagMs: 0, lagBytes: 0 } : lagOf(rests.get(next), kept, now);
    if (isFalling(lag, kept)) reader.tellFalling(lag.trimsInMs);
    reports.push({ principal, name, client, state, sentLsn: lsn - 1, committedLsn, ...lag });
  }
  return reports;
}

async function restUnlessTrimmed(log: MeasurableLog, lsn: number): Promise<LogRest | undefined> {
  try {
    return await log.restFrom(lsn);
  } catch (error) {
    if (isDrcError(error, 'RETENTION_EXPIRED')) return undefined;
    throw error;
  }
}

type ReaderLag = Pick<ReaderReport, 'lagMs' | 'lagBytes' | 'trimsInMs'>;

/** @param rest undefined: what it needs next is not in the log any more */
function lagOf(rest: LogRest | undefined, kept: number, now: number): ReaderLag {
  if (rest === undefined) return { lagMs: kept, lagBytes: 0, trimsInMs: 0 };
  const lagMs = Math.max(0, now - rest.since);
  return { lagMs, lagBytes: rest.bytes, trimsInMs: Math.max(0, kept - lagMs) };
}

const isFalling = (lag: ReaderLag, kept: number): lag is ReaderLag & { readonly trimsInMs: number } =>
  lag.trimsInMs !== undefined && lag.trimsInMs < Math.min(kept * warningShare, longestWarningMs);
