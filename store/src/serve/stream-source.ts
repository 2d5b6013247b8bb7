import { DrcError, isDrcError, type Subscribe } from '@drc/protocol';
import type { Ticket } from './authorize.js';
import type { Backfill } from './backfills.js';
import { FilterViews } from './filter-views.js';
import type { ReadableLog } from './readable-log.js';
import { mustHaveRight } from './rights.js';
import type { SessionEnvironment } from './session-environment.js';
import { findBeginning, type StreamBeginning } from './stream-beginning.js';

/** What a stream is read from, and where it begins. */
export interface StreamSource {
  readonly log: ReadableLog;
  readonly views: FilterViews;
  readonly beginning: StreamBeginning;
  /** Where the log is one that is read from the source for this reader. */
  readonly backfill?: Backfill;
}

/**
 * The store's log; where the moment lies before it and the client asks for that, a stretch from the source.
 * @throws DrcError as `findBeginning`; `FORBIDDEN` without the right, `BACKFILL_UNAVAILABLE`; the signal's reason
 */
export async function streamSource(
  environment: SessionEnvironment,
  ticket: Ticket,
  message: Subscribe,
  signal: AbortSignal,
): Promise<StreamSource> {
  const { log, views, backfills, limits } = environment;
  try {
    return { log, views, beginning: await findBeginning(environment, ticket, message) };
  } catch (error) {
    if (!isDrcError(error, 'RETENTION_EXPIRED') || message.backfill !== true) throw error;
  }
  mustHaveRight(ticket.grant, 'backfill', message.tables);
  if (backfills === undefined)
    throw new DrcError('BACKFILL_UNAVAILABLE', 'This store reads nothing from before its log.');
  const { seekMarginMs } = limits;
  const backfill = await backfills.open({ from: message.from, seekMarginMs, signal });
  try {
    const own = { ...environment, log: backfill.log };
    const beginning = await findBeginning(own, ticket, message);
    return { log: backfill.log, views: new FilterViews(backfill.log), beginning, backfill };
  } catch (error) {
    await backfill[Symbol.asyncDispose]();
    throw error;
  }
}
