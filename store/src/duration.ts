import { DrcError } from '@drc/protocol';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const shape = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;

/**
 * A duration in whole milliseconds: a number is milliseconds, a text is a number with one of the units ms, s, m, h, d
 * (`250ms`, `15m`, `1.5h`).
 * @throws DrcError `CONFIG_INVALID`.
 */
export function parseDuration(value: string | number): number {
  const ms = typeof value === 'number' ? value : fromText(value.trim());
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw new DrcError(
      'CONFIG_INVALID',
      `${JSON.stringify(value)} is not a duration such as 250ms, 15m or 24h.`,
    );
  }
  return ms;
}

function fromText(text: string): number {
  const [, amount, unit] = shape.exec(text) ?? [];
  return amount === undefined ? Number.NaN : Math.round(Number(amount) * unitMs[unit as keyof typeof unitMs]);
}
