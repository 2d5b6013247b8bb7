export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export const noTests: Totals;
export function addTotals(a: Totals, b: Totals): Totals;
export function totalsLine(totals: Totals): string;
export function parseTotals(line: string): Totals | undefined;
export function totalsOf(found: Totals | undefined, code: number): Totals;
