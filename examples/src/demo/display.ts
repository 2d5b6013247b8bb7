export interface DisplayRow {
  readonly seconds: number;
  readonly transactions: number;
  readonly rows: number;
  readonly transactionsPerSecond: number;
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly applyLagP50Ms: number;
}

const ms = (value: number): string => (Number.isNaN(value) ? '–' : `${value.toFixed(1)} ms`);

/** On a terminal a small table that redraws in place, elsewhere a line every two seconds. */
export class Display {
  readonly #terminal = process.stdout.isTTY;
  #drawn = 0;
  #lastLine = -2;

  show(row: DisplayRow): void {
    if (!this.#terminal) {
      if (row.seconds - this.#lastLine < 2) return;
      this.#lastLine = row.seconds;
      console.log(
        `${row.seconds.toFixed(0).padStart(4)} s  ${row.transactions} transactions, ${row.rows} rows, ` +
          `${row.transactionsPerSecond.toFixed(0)} tx/s, lag p50 ${ms(row.lagP50Ms)} p99 ${ms(row.lagP99Ms)}, ` +
          `applied p50 ${ms(row.applyLagP50Ms)}`,
      );
      return;
    }
    const lines = [
      `  time            ${row.seconds.toFixed(0)} s`,
      `  transactions    ${row.transactions}  (${row.transactionsPerSecond.toFixed(0)}/s)`,
      `  rows            ${row.rows}`,
      `  lag to reader   p50 ${ms(row.lagP50Ms)}   p99 ${ms(row.lagP99Ms)}`,
      `  lag to target   p50 ${ms(row.applyLagP50Ms)}`,
    ];
    if (this.#drawn > 0) process.stdout.write(`\u001b[${this.#drawn}A`);
    process.stdout.write(lines.map((line) => `\u001b[2K${line}\n`).join(''));
    this.#drawn = lines.length;
  }
}
