import type { Column } from '@drc/protocol';
import type { TargetColumn } from './target-column.js';

/** A column of the source's table and the target's that takes its values. */
export interface MatchedColumn {
  readonly source: Column;
  readonly target: TargetColumn;
  /** Whether the target keeps a value; undefined where it keeps every one. See value-fit.ts. */
  readonly keeps?: ((value: unknown) => boolean) | undefined;
}
