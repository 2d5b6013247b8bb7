import { connect } from '@drc/client-sdk';
import { planOf, type PlannedChange } from '@drc/client-sdk/congo';
import { changeAsJson, changeAsText } from '../change-text.js';
import { connectionOf } from '../congo-task.js';
import { parseBeginning } from '../moment.js';
import { taskOf, type TaskFlags } from './congo-control.js';

export interface CongoPlanFlags extends TaskFlags {
  readonly from: string;
  readonly limit: number;
  readonly output: 'text' | 'json';
}

/** Prints what the rules of a task make of changes that the log has. Needs nothing of the target. */
export async function congoPlan(flags: CongoPlanFlags, signal: AbortSignal): Promise<void> {
  const config = await taskOf(flags);
  await using hub = await connect(await connectionOf(config));
  const { topic, tables, match } = config;
  const from = parseBeginning(flags.from, Date.now(), topic);
  let changes = 0;
  let writes = 0;
  for await (const planned of planOf({ hub, topic, tables, match, from, maxChanges: flags.limit, signal })) {
    changes += 1;
    writes += planned.writes.length;
    print(topic, planned, flags.output);
  }
  process.stderr.write(
    changes === 0
      ? `No change of the rules' tables since ${flags.from}.\n`
      : `${changes} changes of the source, ${writes} on the target. Nothing was written.\n`,
  );
}

function print(topic: string, { transaction, source, writes }: PlannedChange, output: 'text' | 'json'): void {
  const lines = writes.map(({ target, change }) => ({
    ...change,
    table: `${target.schema}.${target.table}`,
  }));
  if (output === 'json') {
    const becomes = lines.map((line) => JSON.parse(changeAsJson(topic, transaction, line)) as object);
    process.stdout.write(
      `${JSON.stringify({ ...(JSON.parse(changeAsJson(topic, transaction, source)) as object), becomes })}\n`,
    );
    return;
  }
  process.stdout.write(`${changeAsText(transaction, source)}\n`);
  for (const line of lines) process.stdout.write(`    → ${changeAsText(transaction, line)}\n`);
  if (lines.length === 0) process.stdout.write('    → nothing\n');
}
