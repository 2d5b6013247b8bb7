import type { Reporter, SerializedError, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';
import { totalsLine, type Totals } from '../../scripts/totals.mjs';

/** Ends the run with what was skipped and the line `N passed, N failed`, with `, N skipped` where there are any. */
export class TotalsReporter implements Reporter {
  #hasPattern = false;

  onInit(vitest: Vitest): void {
    this.#hasPattern = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    // What `-t` leaves out is skipped, too: nobody needs to read that.
    const skipped = this.#hasPattern ? [] : skippedLines(modules);
    const totals = totalsLine(countTests(modules, unhandledErrors.length));
    process.stdout.write([...skipped, totals, ''].join('\n'));
  }
}

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

/** One line for each skipped test, or for the outermost suite that was skipped as a whole. */
function skippedLines(modules: readonly TestModule[]): string[] {
  return modules.flatMap((module) => {
    const counts = new Map<string, number>();
    for (const test of module.children.allTests('skipped')) {
      const title = outermostSkipped(test).fullName;
      counts.set(title, (counts.get(title) ?? 0) + 1);
    }
    return [...counts].map(
      ([title, count]) =>
        `skipped: ${module.relativeModuleId} > ${title}${count > 1 ? ` (${count} tests)` : ''}`,
    );
  });
}

function outermostSkipped(test: TestCase): TestCase | TestSuite {
  let found: TestCase | TestSuite = test;
  for (let part = test.parent; part.type === 'suite'; part = part.parent)
    if (part.options.mode === 'skip' || part.options.mode === 'todo') found = part;
  return found;
}
