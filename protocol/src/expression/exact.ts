import { DrcError } from '../errors.js';

/*
 * Exact numbers: a bigint, and how many of its digits stand behind the point, which is known before any value is.
 * Limits as DECIMAL has them: 65 digits, 30 of them behind the point.
 */
export const maxScale = 30;
const limit = 10n ** 65n;

/** How many digits a quotient has more than its dividend (`div_precision_increment`). */
export const divisionDigits = 4;

export const powerOfTen = (digits: number): bigint => 10n ** BigInt(digits);

/** @param text digits, with or without sign and point */
export function parseExact(text: string): { readonly value: bigint; readonly scale: number } {
  const point = text.indexOf('.');
  const scale = point < 0 ? 0 : text.length - point - 1;
  return { value: BigInt(text.replace('.', '')), scale };
}

/** The text of an exact number, with `scale` digits behind the point. */
export function formatExact(value: bigint, scale: number): string {
  if (scale === 0) return value.toString();
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** @throws DrcError `CONDITION_FAILED` where DECIMAL could not hold it */
export function inRange(value: bigint): bigint {
  if (value >= limit || value <= -limit)
    throw new DrcError('CONDITION_FAILED', 'A number in the expression has more than 65 digits.');
  return value;
}

/** The quotient, rounded to the nearest; half goes away from zero. `divisor` is not 0. */
export function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const rest = dividend % divisor;
  const double = 2n * (rest < 0n ? -rest : rest);
  if (double < (divisor < 0n ? -divisor : divisor)) return quotient;
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n;
}

/** To a smaller scale, rounded as `divideRounded`, or to a larger one. */
export function rescaled(value: bigint, from: number, to: number): bigint {
  if (to >= from) return to === from ? value : value * powerOfTen(to - from);
  return divideRounded(value, powerOfTen(from - to));
}

/** The largest whole number that is not above. */
export function floorOf(value: bigint, scale: number): bigint {
  const unit = powerOfTen(scale);
  const whole = value / unit;
  return value < 0n && value % unit !== 0n ? whole - 1n : whole;
}
