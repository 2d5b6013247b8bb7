import type { Move, ReaderSummary } from '@drc/cluster-manager';
import type { SubscribeOptions } from '@drc/client-sdk';
import { DrcError, subscriptionNamePattern } from '@drc/protocol';
import { withAccess } from '../access.js';
import { parseMoment } from '../moment.js';
import { printLine } from '../print-line.js';
import { bytesText, durationText, timeText } from '../quantity-text.js';
import type { OutputFlags } from './principals.js';

/** `drc reader`: where readers are, and where they are to go on. */

export interface ReaderListFlags extends OutputFlags {
  readonly topic?: string;
}

export interface ReaderFlags extends OutputFlags {
  readonly principal: string;
  readonly topic: string;
  readonly name: string;
  readonly apply?: boolean;
}

export interface ReaderSeekFlags extends ReaderFlags {
  readonly to: string;
}

/** One reader a line: topic, principal, name, client, state, lag, bytes, time until it is trimmed, when its place was saved. */
export async function readerList(flags: ReaderListFlags): Promise<void> {
  const list = await withAccess(flags, ({ readers }) => readers.list(flags.topic));
  if (flags.output === 'json') return printJson(list);
  for (const reader of list) printLine(...fieldsOf(reader));
}

export async function readerSeek(flags: ReaderSeekFlags): Promise<void> {
  const { topic, output, apply = false } = flags;
  const key = keyOf(flags);
  const to = momentText(parseMoment(flags.to, Date.now(), topic));
  const move = await withAccess(flags, ({ readers }) => readers.seek(key, to, { dryRun: !apply }));
  if (output === 'json') return printJson(apply ? move : { dryRun: true, ...move });
  printLine(`${apply ? 'moved' : 'would move'} ${key.name} of ${key.principal}`, topic);
  printLine('  from', placeText(move.before, move.fromTime));
  printLine('  to', placeText(move.after, move.toTime));
  printLine(`  ${shiftText(move)}`);
  process.stderr.write(
    apply
      ? 'An instance that runs ends with CHECKPOINT_MOVED within half a minute: start it again.\n'
      : 'Nothing was changed: --apply does it.\n',
  );
}

export async function readerRemove(flags: ReaderFlags): Promise<void> {
  const { topic, output, apply = false } = flags;
  const key = keyOf(flags);
  const change = await withAccess(flags, ({ readers }) => readers.remove(key, { dryRun: !apply }));
  if (output === 'json') return printJson(apply ? change : { dryRun: true, ...change });
  printLine(`${apply ? 'removed' : 'would remove'} ${key.name} of ${key.principal}`, topic);
  printLine('  was', placeText(change.before, undefined));
  if (!apply) process.stderr.write('Nothing was changed: --apply does it.\n');
}

/** @throws DrcError `CONFIG_INVALID`. */
function keyOf({ principal, topic, name }: ReaderFlags) {
  if (!subscriptionNamePattern.test(name))
    throw new DrcError('CONFIG_INVALID', `'${name}' is no name of a subscription: see drc reader ls.`);
  return { principal, topic, name };
}

function fieldsOf(reader: ReaderSummary): string[] {
  const { topic, principal, name = '-', client, state, lagMs, lagBytes, trimsInMs, saved } = reader;
  return [
    topic,
    principal,
    name,
    client,
    state,
    lagMs === undefined ? '-' : durationText(lagMs),
    lagBytes === undefined ? '-' : bytesText(lagBytes),
    trimsInMs === undefined ? '-' : durationText(trimsInMs),
    saved === undefined ? '-' : (saved.from ?? (saved.savedAt === undefined ? '-' : timeText(saved.savedAt))),
  ];
}

/** As managers are asked. */
function momentText(moment: NonNullable<SubscribeOptions['from']>): string {
  if (typeof moment === 'string') return moment;
  if ('timestamp' in moment) return `timestamp:${Math.floor(Number(moment.timestamp))}`;
  if ('transaction' in moment) return `transaction:${moment.transaction}`;
  return `checkpoint:${moment.checkpoint.toString()}`;
}

function placeText(place: Move['before'], time: number | undefined): string {
  const { set, from } = place ?? {};
  const what = typeof from === 'string' ? from : typeof set === 'string' ? `behind ${set}` : 'nothing saved';
  return time === undefined ? what : `${what} (${timeText(time)})`;
}

function shiftText({ fromTime, toTime }: Move): string {
  if (fromTime === undefined || toTime === undefined)
    return 'how much that repeats or leaves out is not known: nobody told the time of one of them';
  const ms = fromTime - toTime;
  if (ms === 0) return 'repeats and leaves out nothing but transactions of that moment';
  return `${ms > 0 ? 'repeats' : 'leaves out'} ${Math.ceil(Math.abs(ms) / 1000)} s of changes`;
}

const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
};
