import { DrcError } from '@drc/protocol';

const unitBytes = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;
const shape = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)$/;

/**
 * A size in whole bytes: a number is bytes, a text is a number with one of the units B, KiB, MiB, GiB, TiB
 * (`64KiB`, `2GiB`, `1.5GiB`).
 * @throws DrcError `CONFIG_INVALID`.
 */
export function parseSize(value: string | number): number {
  const bytes = typeof value === 'number' ? value : fromText(value.trim());
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new DrcError(
      'CONFIG_INVALID',
      `${JSON.stringify(value)} is not a size such as 64KiB, 500MiB or 2GiB.`,
    );
  }
  return bytes;
}

function fromText(text: string): number {
  const [, amount, unit] = shape.exec(text) ?? [];
  return amount === undefined
    ? Number.NaN
    : Math.round(Number(amount) * unitBytes[unit as keyof typeof unitBytes]);
}
