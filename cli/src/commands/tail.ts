import { type SubscribeOptions, type Subscription, connect, fileCheckpoints } from '@drc/client-sdk';
import { DrcError, isDrcError, isTransactionId, parseExpression, type Partition } from '@drc/protocol';
import { once } from 'node:events';
import { withAdvice } from '../advice.js';
import { list } from '../arguments.js';
import { changeAsJson, changeAsText } from '../change-text.js';
import { type ClientFlags, clientFrom } from '../client-profile.js';
import { parseBeginning } from '../moment.js';

export interface TailFlags extends ClientFlags {
  readonly from: string;
  readonly table?: readonly string[];
  /** By table or glob. */
  readonly where?: Readonly<Record<string, string>>;
  /** By table or glob: names, with commas between them. */
  readonly columns?: Readonly<Record<string, string>>;
  readonly partition?: Partition;
  readonly checkpoint?: string;
  readonly acknowledgeGap?: readonly string[];
  readonly count?: number;
  readonly json?: boolean;
}

/** Prints changes until `signal` is aborted or `count` of them are printed. */
export async function tail(topic: string, flags: TailFlags, signal: AbortSignal): Promise<void> {
  const tables = flags.table ?? [];
  mustNameSchemas('--table', tables, topic);
  mustNameSchemas('--where', Object.keys(flags.where ?? {}), topic);
  for (const [table, condition] of Object.entries(flags.where ?? {})) mustParse(table, condition);
  mustNameSchemas('--columns', Object.keys(flags.columns ?? {}), topic);
  for (const id of flags.acknowledgeGap ?? []) mustBeTransaction(id);
  const from = parseBeginning(flags.from, Date.now(), topic);
  const client = await clientFrom(flags);
  try {
    await using hub = await connect({ ...client.options, client: 'drc tail' });
    await using subscription = hub.subscribe(topic, {
      from,
      ...(tables.length === 0 ? {} : { tables }),
      ...rowsOf(flags),
      ...(flags.acknowledgeGap === undefined ? {} : { acknowledgeGaps: flags.acknowledgeGap }),
      ...(flags.checkpoint === undefined ? {} : { checkpoints: fileCheckpoints(flags.checkpoint) }),
    });
    if (typeof from === 'object' && 'timestamp' in from && Number(from.timestamp) > Date.now())
      say('--from lies in the future: nothing comes until then.');
    await print(topic, subscription, flags, signal);
  } catch (error) {
    throw client.explain(isDrcError(error, 'RETENTION_EXPIRED') ? sayOldest(error, flags) : error);
  }
}

async function print(
  topic: string,
  subscription: Subscription,
  flags: TailFlags,
  signal: AbortSignal,
): Promise<void> {
  const asJson = flags.json ?? !process.stdout.isTTY;
  const stop = (): void => void subscription.close();
  signal.addEventListener('abort', stop, { once: true });
  using _complaints = reportWaiting(subscription);
  let left = flags.count ?? Number.POSITIVE_INFINITY;
  for await (const tx of subscription) {
    for await (const change of tx.changes) {
      // Asked for one more than wanted: a transaction whose last change was printed is done, and counts as such.
      if (left <= 0) {
        if (flags.checkpoint !== undefined)
          say(
            `--count ended within transaction ${tx.id}; the checkpoint stays before it, so it comes again.`,
          );
        return;
      }
      const line = asJson ? changeAsJson(topic, tx, change) : changeAsText(tx, change);
      if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
      left -= 1;
    }
    await subscription.commit(tx);
    if (left <= 0) return;
  }
}

/** What is wanted of rows and columns, as options of a subscription. */
function rowsOf({ where, columns, partition }: TailFlags): SubscribeOptions {
  const lists = Object.entries(columns ?? {}).map(([table, names]) => [table, list(names)] as const);
  return {
    ...(where === undefined ? {} : { where }),
    ...(columns === undefined ? {} : { columns: Object.fromEntries(lists) }),
    ...(partition === undefined ? {} : { partition }),
  };
}

/** A name without a schema is that of no table. A glob may stand for the dot, too. @throws DrcError `CONFIG_INVALID`. */
function mustNameSchemas(option: string, tables: readonly string[], topic: string): void {
  for (const table of tables) {
    if (/[.*?[{]/.test(table)) continue;
    throw new DrcError(
      'CONFIG_INVALID',
      `${option} ${table} names no schema. Did you mean ${topic}.${table}? (*.${table} takes those of all schemas.)`,
    );
  }
}

/** @throws DrcError `CONFIG_INVALID` */
function mustParse(table: string, condition: string): void {
  try {
    parseExpression(condition);
  } catch (error) {
    throw new DrcError(
      'CONFIG_INVALID',
      `--where ${table}: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
}

/** @throws DrcError `CONFIG_INVALID` */
function mustBeTransaction(id: string): void {
  if (isTransactionId(id)) return;
  throw new DrcError('CONFIG_INVALID', `--acknowledge-gap ${id} is no id of a transaction.`);
}

function sayOldest(error: DrcError, { from, checkpoint }: TailFlags): DrcError {
  const oldest = error.details['oldest'];
  const ways = `--from earliest${oldest === undefined ? '' : `, or --from ${String(oldest)}`}`;
  return withAdvice(
    error,
    checkpoint === undefined
      ? `The oldest moment left is reached with ${ways} (asked for: ${from}).`
      : `Where the checkpoint is the moment that is gone: what came since is lost to this reader. Remove ${checkpoint}, and begin with ${ways}.`,
  );
}

const say = (text: string): void => void process.stderr.write(`Note: ${text}\n`);

/**
 * Says on stderr when the stream waits for a store or a manager, and of globs that match no table: silence would look like "no
 * changes".
 */
function reportWaiting(subscription: Subscription): Disposable {
  let said = '';
  const saidOf = new Set<string>();
  const timer = setInterval(() => {
    const status = subscription.status();
    const error = status.kind === 'disconnected' ? status.error : undefined;
    const text = error ? `waiting: ${error.code}: ${error.message}` : '';
    if (text !== said && text) process.stderr.write(`${text}\n`);
    said = text;
    for (const glob of status.unmatched ?? []) {
      if (!saidOf.has(glob)) say(`no table that you may read matches ${glob} so far.`);
      saidOf.add(glob);
    }
  }, 1_000);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
