import { randomBytes } from 'node:crypto';
import { DrcError, parseExpression } from '@drc/protocol';
import { z } from 'zod';
import { grantSchema, tableGlob, type GrantRecord } from './registry/records.js';

/** A grant as an administrator writes it. */
export interface NewGrant {
  /** Globs. */
  readonly topics: readonly string[];
  /** Globs over `schema.table`. */
  readonly tables: readonly string[];
  /** Only rows for which this is true: a condition as docs/expressions.md has it. Default: all. */
  readonly where?: string | undefined;
  /** Columns that are not delivered: names or globs. */
  readonly drop?: readonly string[] | undefined;
  /** Columns that are delivered as a keyed hash. */
  readonly hash?: readonly string[] | undefined;
  /** May have the tables copied as they are. Default false. */
  readonly snapshot?: boolean | undefined;
  /** May have what is older than the log read from the source. Default false. */
  readonly backfill?: boolean | undefined;
}

export const newGrantSchema = grantSchema
  .omit({ id: true })
  .extend({ tables: z.array(tableGlob).min(1).max(1000) });

export const allTables: readonly string[] = ['**'];
export const allTopics: readonly string[] = ['**'];

/**
 * `REQUEST_INVALID` for lists and globs that cannot be; `CONDITION_INVALID`, with the place, for a condition that is no
 * expression. Whether it suits the tables shows where they are: in the stores.
 */
export function makeGrant(grant: NewGrant): GrantRecord {
  const parsed = newGrantSchema.safeParse(grant);
  if (!parsed.success) {
    throw new DrcError('REQUEST_INVALID', `This is no grant: ${z.prettifyError(parsed.error)}`, {
      faults: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    });
  }
  if (parsed.data.where !== undefined) parseExpression(parsed.data.where);
  return { id: randomBytes(4).toString('hex'), ...parsed.data };
}
