import { DrcError, isDrcError, isTransactionId } from '@drc/protocol';
import { parseStoreConfig, type Skip, skipTransaction } from '@drc/store';
import { hostname, userInfo } from 'node:os';
import { withAdvice } from '../advice.js';
import { readConfig } from '../config-file.js';
import { makeLogger } from '../logger.js';
import { sourcePasswordOf } from '../source-password.js';

export interface StoreSkipFlags {
  readonly config: string;
  readonly data?: string;
  readonly transaction?: string;
  readonly reason?: string;
  readonly tables?: readonly string[];
  readonly apply?: true;
}

const longestReason = 500;

/** Shows the transaction at which capture stops and, with `--apply`, leaves it out. */
export async function storeSkip(flags: StoreSkipFlags, signal: AbortSignal): Promise<void> {
  assertMeant(flags);
  const { transaction, tables, apply, reason } = flags;
  const config = await readConfig(flags.config, parseStoreConfig, {
    directory: flags.data ?? process.env['DRC_STORE_DATA'],
  });
  const sourcePassword = await sourcePasswordOf(config);
  // What goes wrong is printed; what goes well, too.
  const logger = await makeLogger('skip', process.env['DRC_LOG_LEVEL'] ?? 'silent');
  const skip = await skipTransaction(
    config,
    {
      ...(transaction === undefined ? {} : { transaction }),
      ...(tables === undefined ? {} : { tables }),
      ...(apply === undefined || reason === undefined ? {} : { apply: { reason, by: operator() } }),
    },
    { logger, sourcePassword, signal },
  ).catch((error: unknown) => {
    throw explained(error, config.directory);
  });
  process.stdout.write(`${skipText(skip, config.topic, flags)}\n`);
}

/** @throws DrcError `CONFIG_INVALID` */
function assertMeant({ transaction, reason, tables, apply }: StoreSkipFlags): void {
  const faults = [
    ...(apply && transaction === undefined ? ['--apply needs --transaction: the one that is meant'] : []),
    ...(apply && !reason?.trim() ? ['--apply needs --reason: readers are shown it'] : []),
    ...((reason ?? '').length > longestReason ? [`--reason has at most ${longestReason} characters`] : []),
    ...(transaction === undefined || isTransactionId(transaction)
      ? []
      : [`--transaction ${transaction} is no id of a transaction`]),
    ...(tables ?? []).flatMap((name) =>
      /^[^.*?[\]{}]+\.[^*?[\]{}]+$/.test(name) ? [] : [`--tables ${name} is no name; write schema.table`],
    ),
  ];
  if (faults.length > 0) throw new DrcError('CONFIG_INVALID', `${faults.join('; ')}.`);
}

function operator(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A user without an entry, as in some containers.
    return `${process.getuid?.() ?? 'unknown'}@${hostname()}`;
  }
}

function explained(error: unknown, directory: string): unknown {
  if (!isDrcError(error, 'LOG_LOCKED')) return error;
  return withAdvice(
    error,
    `The store of ${directory} runs. Stop it, leave the transaction out, start it again; readers go on by themselves.`,
  );
}

/** What is left out, in words, and what to do next. */
export function skipText(skip: Skip, topic: string, flags: StoreSkipFlags): string {
  const { group, fault, from, to, applied } = skip;
  const { rowsEvents, bytes, preparedAs, commitTime } = group;
  const events = [...group.events].map(([name, count]) => `${count} ${name}`);
  const facts: readonly (readonly [string, string])[] = [
    ['tables', tablesText(skip)],
    ...(skip.anyTable === undefined ? [] : ([['because', skip.anyTable]] as const)),
    ['binlog', `${from} to ${to}, ${bytes} bytes`],
    ['committed', new Date(commitTime / 1000).toISOString()],
    ['events', `${events.join(', ')}; ${rowsEvents} with rows`],
    ...(preparedAs === undefined
      ? []
      : ([['prepared', `as ${preparedAs}: the GAP comes with its XA COMMIT, if that comes`]] as const)),
  ];
  return [
    applied
      ? `Transaction ${group.id} was left out of ${topic}:`
      : `Capture of ${topic} stops in front of transaction ${group.id}:`,
    `  ${fault.code}: ${fault.message}`,
    `  ${fault.advice}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(9)}  ${value}`),
    ...(applied ? done(skip) : proposal(skip, flags)),
  ].join('\n');
}

function tablesText({ tables, isNothing, anyTable }: Skip): string {
  if (isNothing) return 'none that is captured';
  if (tables.length === 0) return 'all: which ones it changed cannot be known';
  return `${tables.join(', ')}${anyTable === undefined ? '' : ' (as you say)'}`;
}

function done({ group, isNothing }: Skip): readonly string[] {
  return [
    'Start the store: capture goes on behind it.',
    isNothing
      ? 'Readers are told nothing.'
      : `Readers of these tables end with GAP in front of it, and go on once they acknowledge ${group.id}.`,
  ];
}

function proposal(
  { group, tables, anyTable }: Skip,
  { config, data, reason, tables: named }: StoreSkipFlags,
): readonly string[] {
  const words = reason === undefined ? 'why' : reason.replaceAll("'", String.raw`'\''`);
  const folder = data === undefined ? '' : ` --data ${data}`;
  const flag = named === undefined ? '' : ` --tables ${named.join(',')}`;
  return [
    'Nothing was changed. To leave it out for good:',
    `  drc store skip --config ${config}${folder} --transaction ${group.id}${flag} --reason '${words}' --apply`,
    ...(anyTable !== undefined && tables.length === 0
      ? ['Where you know all tables that it changed, name them with --tables.']
      : []),
  ];
}
