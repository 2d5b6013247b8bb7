import type { LogBeginning } from './meta.js';
import type { LogPoint } from './set-index.js';

export interface EarlierEnd {
  readonly point: LogPoint;
  readonly beginning: LogBeginning | undefined;
}

/**
 * How a log goes on that is cut behind a point. Where capture moved to another server behind it, the point's place is on the one
 * before, and none on the present one: only the executed set counts, and whatever comes next comes from the present server.
 */
export function endedAt(point: LogPoint, was: LogBeginning | undefined): EarlierEnd {
  const next = point.lsn + 1;
  const beginning = was?.gaps === undefined ? was : { ...was, gaps: was.gaps.filter((lsn) => lsn < next) };
  if (beginning === undefined || (beginning.sinceLsn ?? 0) <= next) return { point, beginning };
  const { position } = point;
  return {
    point: position === undefined ? point : { ...point, position: { ...position, byGtid: true } },
    beginning: { ...beginning, sinceLsn: next },
  };
}
