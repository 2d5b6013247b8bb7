import { InvalidArgumentError } from 'commander';

/** Parsers of option values for commander. What is wrong ends the command with exit code 2. */

export const port = (text: string): number => {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
};

export const count = (text: string): number => {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a positive whole number.');
};

/** `shop.*,crm.people` */
export const list = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

/** For options that can be given several times. */
export const append = (text: string, before: string[] = []): string[] => [...before, text];

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90d`, `12h`, `15m`, `30s` in ms. */
export const duration = (text: string): number => {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined && Number(amount) > 0) return Number(amount) * unitMs[unit as keyof typeof unitMs];
  throw new InvalidArgumentError('A duration reads 90d, 12h, 15m or 30s.');
};

/** `shop.orders: total > 100`, for options that can be given several times: once for each table or glob. */
export const ofTable = (text: string, before: Record<string, string> = {}): Record<string, string> => {
  const [, table = '', wish = ''] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  if (table.trim() === '' || wish.trim() === '')
    throw new InvalidArgumentError('It reads TABLE: …, as in shop.orders: total > 100.');
  if (Object.hasOwn(before, table.trim()))
    throw new InvalidArgumentError(`It is given twice for ${table.trim()}.`);
  return { ...before, [table.trim()]: wish.trim() };
};

/** `0/4`: the share `index`, from 0, of so many. */
export const share = (text: string): { readonly index: number; readonly of: number } => {
  const [, index, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  if (index === undefined || of === undefined || Number(of) > 1024 || Number(index) >= Number(of))
    throw new InvalidArgumentError('It reads INDEX/OF, from 0/4 to 3/4 for four of them; at most 1024.');
  return { index: Number(index), of: Number(of) };
};
