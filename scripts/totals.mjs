/** What a run of tests ends with: `N passed, N failed`, with `, N skipped` where there are any. */

export const noTests = { passed: 0, failed: 0, skipped: 0 };

export const addTotals = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

export const totalsLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

/** The totals that a line is; undefined where it is another line. */
export function parseTotals(line) {
  const counts = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(line);
  if (counts === null) return undefined;
  return { passed: +counts[1], failed: +counts[2], skipped: +(counts[3] ?? 0) };
}

/** What a run came to. No totals, or a failure outside of all tests: never green. */
export function totalsOf(found, code) {
  const totals = found ?? noTests;
  return code !== 0 && totals.failed === 0 ? { ...totals, failed: 1 } : totals;
}
