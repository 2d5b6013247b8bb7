import { connect, type TopicDescription } from '@drc/client-sdk';
import { DrcError } from '@drc/protocol';
import { readFile, writeFile } from 'node:fs/promises';
import { type ClientFlags, clientFrom } from '../client-profile.js';
import { ExitCode } from '../exit-code.js';
import { isTypeName, madeBy, rowTypes, typeNameOf } from '../row-types.js';

export interface CodegenFlags extends ClientFlags {
  readonly tables?: readonly string[];
  /** Default: stdout. */
  readonly out?: string;
  readonly name?: string;
  readonly check?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Writes the row types of a topic's tables, or compares them with what a file has. */
export async function codegen(topic: string, flags: CodegenFlags): Promise<void> {
  mustFit(flags);
  const { tables: globs = [], out, name = typeNameOf(topic) } = flags;
  const client = await clientFrom(flags);
  let description: TopicDescription;
  try {
    await using hub = await connect({ ...client.options, client: 'drc codegen' });
    description = await hub.describe(topic, globs.length === 0 ? {} : { tables: globs });
  } catch (error) {
    throw client.explain(error);
  }
  sayMissing(description);
  if (flags.json === true) return print(`${JSON.stringify(description, null, 2)}\n`);
  if (description.tables.length === 0)
    throw new DrcError(
      'TABLE_UNKNOWN',
      `Topic ${topic} has no such table that you may read: nothing to write.`,
    );
  const text = rowTypes(description.tables, { topic, globs, name });
  if (out === undefined) return print(text);
  const before = await contentOf(out);
  if (before === text) return;
  if (flags.check === true) return reportDifference(out, before, text);
  if (before !== undefined && !before.startsWith(madeBy) && flags.force !== true)
    throw new DrcError(
      'CONFIG_INVALID',
      `${out}: it was not made by drc codegen. Choose another file, or write over it with --force.`,
    );
  await write(out, text);
}

/** @throws DrcError `CONFIG_INVALID` */
function mustFit({ out, name, check, force, json }: CodegenFlags): void {
  const refuse = (message: string): never => {
    throw new DrcError('CONFIG_INVALID', message);
  };
  if (check === true && out === undefined) refuse('--check compares with a file: name it with --out.');
  if (check === true && force === true) refuse('--check changes nothing: leave out --force.');
  if (json === true && (out !== undefined || name !== undefined))
    refuse('--json prints the tables for other programs: leave out --out and --name.');
  if (name !== undefined && !isTypeName(name))
    refuse(`--name ${name}: no interface can have this name here.`);
}

function sayMissing({ missing }: TopicDescription): void {
  if (missing === 0) return;
  const many = missing === undefined ? 'Tables' : `${missing} table${missing === 1 ? '' : 's'}`;
  say(
    `${many} that nothing was written to yet may be missing: the store could not ask the source` +
      `${missing === undefined ? ', and nobody knows how many they are' : ''}.`,
  );
}

/** Lines of a difference that are shown. */
const maxLinesShown = 40;

function reportDifference(out: string, before: string | undefined, now: string): void {
  process.exitCode = ExitCode.outdated;
  if (before === undefined) return say(`${out} does not exist.`);
  say(`${out} is not what the tables are now. Run the same without --check.`);
  const lines = differentLines(before.split('\n'), now.split('\n'));
  for (const line of lines.slice(0, maxLinesShown)) process.stderr.write(`${line}\n`);
  if (lines.length > maxLinesShown) process.stderr.write(`… ${lines.length - maxLinesShown} more lines\n`);
}

/** What stands between the lines with which both begin and those with which both end. */
function differentLines(old: readonly string[], now: readonly string[]): string[] {
  const shorter = Math.min(old.length, now.length);
  let start = 0;
  while (start < shorter && old[start] === now[start]) start++;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  return [
    ...old.slice(start, old.length - end).map((line) => `- ${line}`),
    ...now.slice(start, now.length - end).map((line) => `+ ${line}`),
  ];
}

/** With the line ends that it was written with, whatever a checkout made of them; undefined where there is no file. */
async function contentOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).replaceAll('\r\n', '\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(path, error);
  }
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw unusable(path, error);
  }
}

const unusable = (path: string, cause: unknown): DrcError =>
  new DrcError('CONFIG_INVALID', `${path}: ${(cause as Error).message}.`, {}, { cause });

const print = (text: string): void => void process.stdout.write(text);
const say = (text: string): void => void process.stderr.write(`Note: ${text}\n`);
