import type { Reporter, SerializedError, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';
import { totalsLine, type Totals } from '../../scripts/totals.mjs';

/** Ends the run with what was skipped, what failed and why, what passed only when it was tried again, and the line `N passed, N failed`, with `, N skipped` where there are any. */
export class TotalsReporter implements Reporter {
  #hasPattern = false;

  onInit(vitest: Vitest): void {
    this.#hasPattern = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    // What `-t` leaves out is skipped, too: nobody needs to read that.
    const skipped = this.#hasPattern ? [] : skippedLines(modules);
    const totals = totalsLine(countTests(modules, unhandledErrors.length));
    process.stdout.write([...skipped, ...failedLines(modules, unhandledErrors), totals, ''].join('\n'));
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
      if (isSkipped(test)) totals.skipped++;
      else totals[state === 'pending' ? 'failed' : state]++;
    }
  }
  return totals;
}

/** One line for each skipped test, or for the outermost suite that was skipped as a whole. */
function skippedLines(modules: readonly TestModule[]): string[] {
  return modules.flatMap((module) => {
    const counts = new Map<string, number>();
    for (const test of module.children.allTests()) {
      if (!isSkipped(test)) continue;
      const title = outermostSkipped(test).fullName;
      counts.set(title, (counts.get(title) ?? 0) + 1);
    }
    return [...counts].map(
      ([title, count]) =>
        `skipped: ${module.relativeModuleId} > ${title}${count > 1 ? ` (${count} tests)` : ''}`,
    );
  });
}

/** One line for each failure, with the first line of its reason; also of a test that passed when it was tried again. */
function failedLines(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): string[] {
  const line = (title: string, errors: readonly SerializedError[], word = 'failed'): string =>
    `${word}: ${title}: ${(errors[0]?.message ?? 'not finished').split('\n', 1)[0]!}`;
  const inModules = modules.flatMap((module) => {
    const file = module.relativeModuleId;
    const parts = [...module.children.allSuites(), ...module.children.allTests()];
    return [
      ...(module.errors().length > 0 ? [line(file, module.errors())] : []),
      ...parts.flatMap((part) => {
        const title = `${file} > ${part.fullName}`;
        if (part.type === 'suite') return part.errors().length > 0 ? [line(title, part.errors())] : [];
        const { state, errors = [] } = part.result();
        const isUnfinished = state === 'pending' && !isSkipped(part);
        if (errors.length === 0 && !isUnfinished) return [];
        return [line(title, errors, state === 'passed' ? 'flaky' : 'failed')];
      }),
    ];
  });
  return [...inModules, ...unhandledErrors.map((error) => line('outside of all tests', [error]))];
}

/** Where a skipped suite is within another one, vitest gives its tests no result at all. */
function isSkipped(test: TestCase): boolean {
  const { state } = test.result();
  return state === 'skipped' || (state === 'pending' && outermostSkipped(test) !== test);
}

function outermostSkipped(test: TestCase): TestCase | TestSuite {
  let found: TestCase | TestSuite = test;
  for (let part = test.parent; part.type === 'suite'; part = part.parent)
    if (part.options.mode === 'skip' || part.options.mode === 'todo') found = part;
  return found;
}
