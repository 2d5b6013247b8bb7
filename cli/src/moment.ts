import type { SubscribeOptions } from '@drc/client-sdk';
import { DrcError } from '@drc/protocol';

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `-15m` (also s, h, d) as ms since 1970; undefined where it is something else. */
export function parseAgo(text: string, now: number): number | undefined {
  const ago = /^-(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  return ago === null ? undefined : now - Number(ago[1]) * unitMs[ago[2] as keyof typeof unitMs];
}

/** Within what the SDK takes for a moment at all: from 2001-09-09 to the year 3000. False for NaN. */
const isPossible = (time: number): boolean => time >= 1e12 && time <= Date.UTC(3000, 0);

/**
 * Where to begin, as typed: `earliest`, `latest`, `-15m` (also s, h, d: that long ago), a date with time
 * (`2026-11-22T08:00Z`), or a checkpoint as the SDK prints it.
 * @throws DrcError `CONFIG_INVALID`.
 */
export function parseMoment(text: string, now: number): NonNullable<SubscribeOptions['from']> {
  if (text === 'earliest' || text === 'latest') return text;
  const ago = parseAgo(text, now);
  if (ago !== undefined) {
    if (isPossible(ago)) return { timestamp: ago };
  } else if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
    const time = Date.parse(text);
    if (isPossible(time)) return { timestamp: time };
  } else if (/^[A-Za-z0-9_-]{16,}$/.test(text)) {
    return { checkpoint: text };
  }
  throw new DrcError(
    'CONFIG_INVALID',
    `'${text}' is not a moment. Use earliest, latest, -15m, a date like 2026-11-22T08:00Z, or a checkpoint.`,
  );
}
