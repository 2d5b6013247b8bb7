import { createHash } from 'node:crypto';
import type { CaptureConfig } from './config.js';

/**
 * What a topic has of its source, in 64 hex digits: equal for stores that capture the same tables and columns, in whatever
 * order their files name them. Readers move between the stores of a topic, so all of them must have the same.
 */
export function captureDigest({
  include,
  exclude,
  excludeColumns,
}: Pick<CaptureConfig, 'include' | 'exclude' | 'excludeColumns'>): string {
  const lists = [include, exclude, excludeColumns].map((globs) => [...new Set(globs)].toSorted());
  return createHash('sha256').update(JSON.stringify(lists)).digest('hex');
}
