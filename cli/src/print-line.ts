/** A line on stdout, its cells between tabs: for people, `cut` and `awk`. */
export const printLine = (...cells: readonly string[]): void => {
  process.stdout.write(`${cells.join('\t')}\n`);
};
