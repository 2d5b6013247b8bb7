/** Something that is not as a task needs it, or may not be. */
export interface Finding {
  /** `fault`: the task would stop. `warning`: it may, or does something that is to be known. */
  readonly severity: 'fault' | 'warning';
  /** `schema.table` of the target, or of the source where the target is not at fault; empty: of the task as a whole. */
  readonly table: string;
  readonly side: 'source' | 'target';
  /** What is wrong, and what to do. */
  readonly message: string;
  /** Where the same is an error of its own. */
  readonly code?: 'KEY_NOT_READABLE';
}

/** All that a check has found, by table. */
export interface TaskFindings {
  readonly faults: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Whether all tables of the source could be looked at. Where not, a warning says why. */
  readonly complete: boolean;
  /** Tables of the source, and tables of the target to which their rows go. */
  readonly sourceTables: number;
  readonly targetTables: number;
}

/** Gathers findings; the same one twice is one. */
export class Findings {
  readonly #found = new Map<string, Finding>();

  add(severity: Finding['severity'], side: Finding['side'], table: string, text: string): void {
    this.addAs({ severity, side, table, message: withoutName(text, table) });
  }

  addAs(finding: Finding): void {
    const key = JSON.stringify([finding.severity, finding.side, finding.table, finding.message]);
    if (!this.#found.has(key)) this.#found.set(key, finding);
  }

  of(severity: Finding['severity']): readonly Finding[] {
    return [...this.#found.values()]
      .filter((finding) => finding.severity === severity)
      .toSorted((a, b) => (a.table < b.table ? -1 : a.table > b.table ? 1 : 0));
  }
}

/** Faults of the target are worded as a line of their own, with the table's name in front. */
const withoutName = (text: string, table: string): string =>
  text.startsWith(`${table}: `) ? text.slice(table.length + 2) : text;
