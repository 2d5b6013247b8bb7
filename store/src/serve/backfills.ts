import type { DrcError, StartFrom } from '@drc/protocol';
import type { Logger } from 'pino';
import type { ReadableLog } from './readable-log.js';

export interface BackfillRequest {
  readonly from: StartFrom;
  readonly seekMarginMs: number;
  /** Ends the wait for it. */
  readonly signal: AbortSignal;
}

/** Moments before the log, which its source still has. */
export interface Backfills {
  /**
   * @returns once the moment has been read from the source
   * @throws DrcError `BACKFILL_UNAVAILABLE`, `RATE_LIMITED` where as many readers as may have one; the signal's reason
   */
  open(request: BackfillRequest): Promise<Backfill>;
}

/** The stretch from such a moment up to where the log itself has all that follows. Belongs to one reader. */
export interface Backfill extends AsyncDisposable {
  readonly log: ReadableLog;
  /** Its last transaction; undefined until that is known. */
  readonly end: number | undefined;
  /** Resolves where it cannot go on to its end. */
  readonly failed: Promise<DrcError>;
}

/** Never rejects. */
export async function closeBackfill(backfill: Backfill | undefined, logger: Logger): Promise<void> {
  try {
    await backfill?.[Symbol.asyncDispose]();
  } catch (error) {
    logger.error({ err: error }, 'What was read from before the log could not be removed');
  }
}
