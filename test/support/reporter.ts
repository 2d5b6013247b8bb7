import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Ends the run with the line `N passed, N failed`, and `, N skipped` where there are any. */
export class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    process.stdout.write(`${totalsLine(countTests(modules, unhandledErrors.length))}\n`);
  }
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const totalsLine = ({ passed, failed, skipped }: Totals): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

/** A file or suite that fails outside of its tests counts as one failure, and so does an unhandled error. */
function countTests(modules: readonly TestModule[], unhandledErrors: number): Totals {
  const totals = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    if (module.errors().length > 0) totals.failed++;
    for (const suite of module.children.allSuites()) if (suite.errors().length > 0) totals.failed++;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that never got to its end, because the run was cut short, has not passed.
      totals[state === 'pending' ? 'failed' : state]++;
    }
  }
  return totals;
}
