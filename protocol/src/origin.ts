/*
 * The origin of a transaction: the site where its changes were made first. It stands in each chunk's header (chunk.ts), and whoever applies
 * changes marks with it what it writes. A transaction without a mark has the origin '': it was made where it was captured.
 *
 *   mark = a GTID with the tag `drc_<site>` (MySQL from 8.3 on)
 *        | the first row of the transaction is one of `drc.congo_origin`, inserted or updated; its column `site` is the origin
 */

/** Names of sites: what fits the tag of a GTID, which has at most 32 characters, behind `drc_`. */
export const siteNamePattern = /^[a-z0-9_]{1,28}$/;

/** The tag of a GTID that marks a transaction with the site behind it. */
export const originTagPrefix = 'drc_';

/** The table whose rows mark transactions; known by its columns too. */
export const originTable = { schema: 'drc', table: 'congo_origin' } as const;

/** Its columns, in order. `site` is part of the key, so that every row image has it. */
export const originColumns = ['site', 'task', 'worker', 'marked'] as const;

/** Which origins a reader wants: one of the two lists. '' stands for transactions without a mark. */
export interface OriginWish {
  /** These and no others. */
  readonly include?: readonly string[];
  /** All but these. */
  readonly exclude?: readonly string[];
}

/** Names in such a list. */
const mostOrigins = 100;

/** Whether a transaction of this origin is wanted. Without a wish all are. */
export function wantsOrigin(wish: OriginWish | undefined, origin: string): boolean {
  if (wish === undefined) return true;
  return wish.include === undefined ? wish.exclude?.includes(origin) !== true : wish.include.includes(origin);
}

/** Whether it says either which origins are wanted or which are not, in names that there can be. */
export function isOriginWish(value: unknown): value is OriginWish {
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value).filter(([, origins]) => origins !== undefined);
  const [key, origins] = entries[0] ?? [];
  if (entries.length !== 1 || (key !== 'include' && key !== 'exclude')) return false;
  return (
    Array.isArray(origins) && origins.length > 0 && origins.length <= mostOrigins && origins.every(isOrigin)
  );
}

const isOrigin = (value: unknown): boolean =>
  typeof value === 'string' && (value === '' || siteNamePattern.test(value));

/** What the tag of its GTID says; '' where there is none, or another's. */
export function originOfTransaction(id: string): string {
  const tag = /^[^:/]+:drc_([a-z0-9_]+):/.exec(id);
  return tag?.[1] ?? '';
}
