import { DrcError, type Grant, type StartFrom } from '@drc/protocol';
import type { Logger } from 'pino';
import type { ReadableLog } from './readable-log.js';
import { TablePatterns } from './table-patterns.js';

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

/** @throws DrcError `FORBIDDEN` unless each rule that may be of a wanted table has the right. */
export function mustBackfill({ rules }: Grant, tables: readonly string[]): void {
  const wanted = new TablePatterns(tables);
  const areNamed = tables.length > 0 && wanted.names.length === wanted.texts.length;
  const concerned = areNamed
    ? rules.filter((rule) => {
        const readable = new TablePatterns(rule.tables);
        return wanted.names.some((name) => readable.all || readable.matches(name));
      })
    : rules;
  if (concerned.length > 0 && concerned.every(({ backfill }) => backfill === true)) return;
  throw new DrcError(
    'FORBIDDEN',
    'What lies before the log may not be read: the right backfill is missing.',
    {
      right: 'backfill',
    },
  );
}
