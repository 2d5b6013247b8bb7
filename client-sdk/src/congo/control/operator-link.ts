import type { Target } from '../target.js';
import { readControl, type TaskName, type TaskReport, writeReport } from './control-table.js';
import type { Gate } from './gate.js';

/** While something is applied its lag is told so often, ms. A task that rests tells nothing, so that the target's binlog rests too. */
const reportEveryMs = 10_000;

/** A running task's look at what its operator wants, and its word to the operator. */
export class OperatorLink {
  readonly #task: TaskName;
  readonly #gate: Gate;
  #told: { readonly state: string; readonly at: number; readonly transactions: number } | undefined;

  constructor(task: TaskName, gate: Gate) {
    this.#task = task;
    this.#gate = gate;
  }

  /** Hands the orders to the gate. Ends the target's transaction. */
  async look(target: Target): Promise<void> {
    const { orders } = await readControl(target, this.#task);
    await target.query('COMMIT');
    this.#gate.orders = orders;
  }

  /** Writes the report, where it is worth a row. @param transactions applied so far */
  async tell(target: Target, report: TaskReport, transactions: number, now = Date.now()): Promise<void> {
    const told = this.#told;
    const isNew = told?.state !== report.state;
    const isDue = told !== undefined && transactions !== told.transactions && now - told.at >= reportEveryMs;
    if (!isNew && !isDue) return;
    await writeReport(target, this.#task, report);
    await target.query('COMMIT');
    this.#told = { state: report.state, at: now, transactions };
  }
}
