import { connect } from '@drc/client-sdk';
import { checkTask, type Finding, progressTablesSql, type TaskFindings } from '@drc/client-sdk/congo';
import { targetOf } from '../congo-target.js';
import { connectionOf } from '../congo-task.js';
import { ExitCode } from '../exit-code.js';
import { printLine } from '../print-line.js';
import { type OutputFlags, taskOf, type TaskFlags } from './congo-control.js';

export interface CongoCheckFlags extends TaskFlags, OutputFlags {
  readonly ddl?: boolean;
}

/** Prints all that is wrong with a task's tables; writes nothing. @returns the exit code */
export async function congoCheck(flags: CongoCheckFlags, signal: AbortSignal): Promise<number> {
  const config = await taskOf(flags);
  if (flags.ddl === true) {
    for (const sql of progressTablesSql(config.progressSchema)) printLine(`${sql};`);
    return ExitCode.ok;
  }
  const { task, topic, tables, match, triggers, progressSchema } = config;
  const target = await targetOf(config);
  await using hub = await connect(await connectionOf(config));
  const found = await checkTask({ hub, topic, tables, match, triggers, progressSchema, target, signal });
  if (flags.json === true || flags.output === 'json')
    printLine(JSON.stringify({ task, ...found }, undefined, 2));
  else print(task, found);
  return found.faults.length > 0 || !found.complete ? ExitCode.failed : ExitCode.ok;
}

function print(task: string, { faults, warnings, complete, sourceTables, targetTables }: TaskFindings): void {
  const all = [...faults, ...warnings];
  const groups = new Map<string, Finding[]>();
  for (const finding of all) {
    const title = finding.table === '' ? 'the task' : `${finding.table} (${finding.side})`;
    groups.set(title, [...(groups.get(title) ?? []), finding]);
  }
  for (const title of [...groups.keys()].toSorted()) {
    printLine(title);
    for (const { severity, message } of groups.get(title)!) printLine(`  ${severity.padEnd(7)}  ${message}`);
  }
  const looked = `${sourceTables} table(s) of the source, ${targetTables} of the target`;
  printLine(
    `${task}: ${looked}; ${faults.length} fault(s), ${warnings.length} warning(s)${complete ? '' : '; not all could be checked'}.`,
  );
}
