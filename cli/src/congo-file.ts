import { configFaults, DrcError, isDrcError } from '@drc/protocol';
import { z } from 'zod';
import { type CongoConfig, parseCongoConfig, taskSettings } from './congo-config.js';

/*
 * The file of congo: one task, or several under `tasks`. What stands beside `tasks` counts for each of them that does not have it itself.
 */

/** A task in the list: what it lacks stands at the top. */
const entry = taskSettings.omit({ admin: true }).partial().required({ task: true });

/** For a schema of the file. Whether each task is whole is checked when the two are put together. */
const severalTasks = taskSettings
  .omit({ task: true })
  .partial()
  .extend({ tasks: z.array(entry).min(1).describe('several tasks in one process') });

/** The JSON Schema of the file, for editors: `cli/schema/congo.schema.json`. What depends on more than one value it does not tell. */
export function congoFileSchema(): Record<string, unknown> {
  const both = z.object({ one: taskSettings, several: severalTasks });
  const { $schema, $defs, properties } = z.toJSONSchema(both, {
    io: 'input',
    reused: 'ref',
    unrepresentable: 'any',
  });
  return {
    $schema,
    title: 'The file of congo: one task, or several under `tasks` (docs/congo.md)',
    anyOf: [properties?.['one'], properties?.['several']],
    $defs,
  };
}

/** What the file of congo says. */
export interface CongoFile {
  readonly admin: CongoConfig['admin'];
  /** At least one. Each has what stands at the top for all. */
  readonly tasks: readonly CongoConfig[];
}

/** @throws DrcError `CONFIG_INVALID` with all `faults`, each `path: message`. */
export function parseCongoFile(value: unknown): CongoFile {
  if (!isMap(value) || !Object.hasOwn(value, 'tasks')) {
    const task = parseCongoConfig(value);
    return { admin: task.admin, tasks: [task] };
  }
  const { tasks: list, ...shared } = value;
  const shape = z
    .looseObject({ tasks: z.array(z.looseObject({})).min(1) })
    .safeParse(value, { reportInput: true });
  if (!shape.success || !Array.isArray(list)) throw invalid(configFaults(shape.error?.issues ?? []));
  const faults = new Set<string>();
  if (Object.hasOwn(shared, 'task')) faults.add('task: belongs to each of tasks');
  const tasks: CongoConfig[] = [];
  for (const [index, own] of (list as Record<string, unknown>[]).entries()) {
    if (Object.hasOwn(own, 'admin')) faults.add(`tasks.${index}.admin: belongs to the process, beside tasks`);
    const { task: _perTask, ...common } = shared;
    const { admin: _perProcess, ...given } = own;
    try {
      tasks.push(parseCongoConfig({ ...common, ...given }));
    } catch (error) {
      if (!isDrcError(error, 'CONFIG_INVALID')) throw error;
      for (const fault of error.details['faults'] as readonly string[])
        faults.add(placed(fault, index, common, given));
    }
  }
  for (const fault of sameTwice(tasks)) faults.add(fault);
  const [first] = tasks;
  if (faults.size > 0 || first === undefined) throw invalid([...faults]);
  return { admin: first.admin, tasks };
}

/** A fault of what stands at the top is told once. */
function placed(fault: string, index: number, common: object, own: object): string {
  const setting = /^[^.:]+/.exec(fault)?.[0] ?? '';
  return Object.hasOwn(common, setting) && !Object.hasOwn(own, setting) ? fault : `tasks.${index}.${fault}`;
}

/** Two tasks of one name on one server are one task, and would take it from each other. */
function sameTwice(tasks: readonly CongoConfig[]): string[] {
  const key = ({ task, target, progressSchema }: CongoConfig): string =>
    [task, target.host, target.port, progressSchema].join(' ');
  const keys = tasks.map(key);
  return tasks.flatMap((task, index) =>
    keys.indexOf(key(task)) === index
      ? []
      : [`tasks.${index}.task: '${task.task}' is there twice for this target`],
  );
}

const invalid = (faults: readonly string[]): DrcError =>
  new DrcError('CONFIG_INVALID', `The file has ${faults.length} fault(s).`, { faults });

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
