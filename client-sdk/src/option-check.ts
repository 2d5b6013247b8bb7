import { checkTlsOptions, DrcError, isOriginWish, isTransactionId, type TlsOptions } from '@drc/protocol';
import type { ConnectOptions } from './connect-options.js';
import { isObject } from './error-body.js';
import { checkSubscriptionName } from './hub-checkpoints.js';
import type { DescribeOptions } from './describe.js';
import type { SubscribeOptions } from './subscribe-options.js';

/*
 * Options come from JavaScript too, where no compiler has looked at them. What cannot be meant is refused before
 * anything is asked for: a misspelt option that is passed over, or an empty list that stands for everything, would
 * deliver other data than was wanted. A wrong option is a mistake in the program, hence a TypeError.
 */

/** 2001-09-09T01:46:40Z in ms. Seconds since 1970 stay below it until the year 33658. */
const earliestMs = 1_000_000_000_000;
/** The year 3000 in ms. Microseconds since 1970 are beyond it since 1971. */
const latestMs = Date.UTC(3000, 0);
const maxClientLength = 100;
/** They go into one message. */
const maxGaps = 100;

const connectKeys = keysOf<ConnectOptions>({
  clusterManager: true,
  credentials: true,
  tls: true,
  plaintext: true,
  client: true,
  signal: true,
});
const subscribeKeys = keysOf<SubscribeOptions>({
  from: true,
  tables: true,
  operations: true,
  acknowledgeGaps: true,
  where: true,
  columns: true,
  partition: true,
  origins: true,
  backfill: true,
  snapshot: true,
  checkpoints: true,
  name: true,
  windowBytes: true,
  signal: true,
});
const snapshotKeys = keysOf<NonNullable<SubscribeOptions['snapshot']>>({ tables: true });
const describeKeys = keysOf<DescribeOptions>({ tables: true, signal: true });
const tlsKeys = keysOf<TlsOptions>({ ca: true, cert: true, key: true, serverName: true });
const operations: readonly unknown[] = ['insert', 'update', 'delete'];
const credentialKinds = '{ name, password }, { machineKey } or { token }';

/**
 * @throws TypeError, RangeError, naming the option; DrcError `UNAUTHENTICATED` on credentials that nobody can have,
 *   `CONFIG_INVALID` on certificates that are none.
 */
export function checkConnectOptions(options: ConnectOptions): void {
  if (!isObject(options)) throw new TypeError('connect: it takes { clusterManager, credentials }.');
  checkKeys(options, connectKeys, 'connect');
  const { clusterManager, credentials, tls, plaintext, client, signal } = options;
  checkClusterManager(clusterManager);
  checkCredentials(credentials);
  checkTls(tls);
  if (plaintext !== undefined && plaintext !== 'allow')
    throw new TypeError(`plaintext: ${shown(plaintext)}; it is 'allow', or left out.`);
  if (client !== undefined && (typeof client !== 'string' || client === ''))
    throw new TypeError('client: it is a name.');
  if (client !== undefined && client.length > maxClientLength)
    throw new RangeError(`client: at most ${maxClientLength} characters.`);
  checkSignal(signal);
}

/**
 * `windowBytes` is checked where it is used, a checkpoint's text where it is read.
 * @throws TypeError, naming the option; DrcError `TABLE_UNKNOWN` on a name that no table can have.
 */
export function checkSubscribeOptions(topics: string | readonly string[], options: SubscribeOptions): void {
  checkTopics(topics);
  if (!isObject(options)) throw new TypeError('subscribe: the options are no object.');
  checkKeys(options, subscribeKeys, 'subscribe');
  if (options.from !== undefined) checkFrom(options.from);
  if (Array.isArray(topics) && isObject(options.from) && 'transaction' in options.from)
    throw new TypeError('from.transaction: a transaction is of one topic; give a timestamp or a checkpoint.');
  if (options.tables !== undefined) checkTables(options.tables);
  if (options.operations !== undefined) checkOperations(options.operations);
  if (options.snapshot !== undefined) checkSnapshot(options.snapshot);
  if ((options.snapshot !== undefined || options.from === 'snapshot') && options.operations !== undefined)
    throw new TypeError('operations: a copy of tables without all of their changes would not stay one.');
  if (options.acknowledgeGaps !== undefined) checkGaps(options.acknowledgeGaps);
  if (options.origins !== undefined) checkOrigins(options.origins);
  checkCheckpoints(options.checkpoints);
  if (options.backfill !== undefined && typeof options.backfill !== 'boolean')
    throw new TypeError('backfill: it is true or false.');
  if (options.name !== undefined) checkSubscriptionName(options.name, 'name');
  checkSignal(options.signal);
}

/** @throws TypeError, naming the option; DrcError `TABLE_UNKNOWN` on a name that no table can have. */
export function checkDescribeOptions(topic: string, options: DescribeOptions): void {
  if (typeof topic !== 'string' || topic === '')
    throw new TypeError(`describe: the topic is ${shown(topic)}; hub.topics() lists those that there are.`);
  if (!isObject(options)) throw new TypeError('describe: the options are no object.');
  checkKeys(options, describeKeys, 'describe');
  if (options.tables !== undefined) checkTables(options.tables);
  checkSignal(options.signal);
}

function checkTopics(topics: unknown): void {
  const list = Array.isArray(topics) ? (topics as unknown[]) : [topics];
  if (list.length === 0) throw new TypeError('subscribe: the list of topics is empty.');
  for (const [index, topic] of list.entries()) {
    if (typeof topic !== 'string' || topic === '')
      throw new TypeError(
        `subscribe: the topic is ${shown(topic)}; hub.topics() lists those that there are.`,
      );
    if (list.indexOf(topic) !== index)
      throw new TypeError(`subscribe: ${shown(topic)} stands in the list twice.`);
  }
}

function checkClusterManager(value: unknown): void {
  const addresses = Array.isArray(value) ? (value as unknown[]) : [value];
  if (addresses.length === 0) throw new TypeError('clusterManager: at least one address is needed.');
  const wrong = addresses.findIndex((address) => typeof address !== 'string');
  if (wrong < 0) return;
  throw new TypeError(
    `clusterManager: ${shown(addresses[wrong])} is no address such as http://127.0.0.1:7370, or a list of them.`,
  );
}

function checkCredentials(value: unknown): void {
  if (!isObject(value)) throw new TypeError(`credentials: ${shown(value)}; they are ${credentialKinds}.`);
  const kind = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .toSorted()
    .join(' and ');
  if (!['name and password', 'machineKey', 'token'].includes(kind))
    throw new TypeError(`credentials: they are ${credentialKinds}, not { ${kind.replace(' and ', ', ')} }.`);
  for (const [key, text] of Object.entries(value)) {
    if (text === undefined) continue;
    if (typeof text !== 'string') throw new TypeError(`credentials.${key}: ${shown(text)} is no text.`);
    // Not the program's mistake but what it was given: a variable that is not set, a file with more than the key.
    if (text === '' && key !== 'password')
      throw new DrcError('UNAUTHENTICATED', `credentials.${key}: it is empty.`);
    // They go into a header, which takes nothing else.
    if ((key === 'machineKey' || key === 'token') && !/^[\x21-\x7e]+$/.test(text))
      throw new DrcError(
        'UNAUTHENTICATED',
        `credentials.${key}: it has a blank, a line break or another character that none has; trim() what comes out of a file.`,
      );
  }
}

function checkTls(tls: unknown): void {
  if (tls === undefined) return;
  if (!isObject(tls)) throw new TypeError(`tls: ${shown(tls)}; it is { ca, cert, key, serverName }.`);
  checkKeys(tls, tlsKeys, 'tls');
  for (const [key, value] of Object.entries(tls))
    if (value !== undefined && typeof value !== 'string' && (key === 'serverName' || !Buffer.isBuffer(value)))
      throw new TypeError(`tls.${key}: ${shown(value)} is no text; give the content of the file, in PEM.`);
  checkTlsOptions(tls);
}

function checkFrom(from: unknown): void {
  if (from === 'earliest' || from === 'latest' || from === 'snapshot') return;
  const forms = "'earliest', 'latest', 'snapshot', { timestamp }, { transaction } or { checkpoint }";
  if (!isObject(from)) throw new TypeError(`from: ${shown(from)} is none of ${forms}.`);
  const keys = Object.keys(from);
  if (keys.length !== 1 || !['timestamp', 'transaction', 'checkpoint'].includes(keys[0]!))
    throw new TypeError(`from: { ${keys.join(', ')} } is none of ${forms}.`);
  if (keys[0] === 'timestamp') checkTimestamp(from['timestamp']);
  else if (keys[0] === 'transaction') checkTransaction(from['transaction']);
  else if (!isText(from['checkpoint']) && !isObject(from['checkpoint']))
    throw new TypeError(
      `from.checkpoint: ${shown(from['checkpoint'])} is no checkpoint. Where none is kept yet, begin from 'earliest' or 'latest'.`,
    );
}

function checkSnapshot(value: unknown): void {
  if (!isObject(value)) throw new TypeError(`snapshot: ${shown(value)}; it is { tables: ['schema.table'] }.`);
  checkKeys(value, snapshotKeys, 'snapshot');
  checkTables(value['tables']);
}

function checkOrigins(value: unknown): void {
  if (!isOriginWish(value))
    throw new TypeError(
      "origins: either { include: […] } or { exclude: […] }, with 1 to 100 names of 1 to 28 small letters, digits or underscores, or ''.",
    );
}

function checkTransaction(value: unknown): void {
  if (typeof value !== 'string' || !isTransactionId(value))
    throw new TypeError(`from.transaction: ${shown(value)} is no id of a transaction.`);
}

function checkTimestamp(value: unknown): void {
  const time = value instanceof Date ? value.getTime() : value;
  if (typeof time !== 'number' || !Number.isFinite(time))
    throw new TypeError(
      `from.timestamp: ${shown(value)} is no moment; give a Date, or a number of ms since 1970.`,
    );
  if (time < earliestMs)
    throw new TypeError(
      `from.timestamp: ${time} is before 2001-09-09. Are these seconds? Give ms since 1970, or a Date.`,
    );
  if (time > latestMs)
    throw new TypeError(
      `from.timestamp: ${time} is after the year 3000. Are these microseconds? Give ms since 1970, or a Date.`,
    );
}

function checkTables(tables: unknown): void {
  if (!Array.isArray(tables))
    throw new TypeError(`tables: ${shown(tables)} is no list; give ['schema.table'].`);
  if (tables.length === 0)
    throw new TypeError('tables: the list is empty. Leave it out for all that one may read.');
  for (const name of tables as unknown[]) {
    if (typeof name !== 'string' || name === '') throw new TypeError(`tables: ${shown(name)} is no name.`);
    // A glob may stand for the dot, too.
    if (!/[.*?[{]/.test(name))
      throw new DrcError(
        'TABLE_UNKNOWN',
        `tables: '${name}' names no table; write schema.table, or a glob over it.`,
      );
  }
}

function checkOperations(wanted: unknown): void {
  const all = "'insert', 'update', 'delete'";
  if (!Array.isArray(wanted)) throw new TypeError(`operations: ${shown(wanted)} is no list; give [${all}].`);
  if (wanted.length === 0)
    throw new TypeError('operations: the list is empty. Leave it out for all of them.');
  const wrong = wanted.findIndex((operation) => !operations.includes(operation));
  if (wrong >= 0) throw new TypeError(`operations: ${shown(wanted[wrong])} is none of ${all}.`);
}

function checkGaps(ids: unknown): void {
  if (!Array.isArray(ids))
    throw new TypeError(`acknowledgeGaps: ${shown(ids)} is no list; give ids of transactions.`);
  if (ids.length > maxGaps)
    throw new RangeError(`acknowledgeGaps: at most ${maxGaps}; those that were passed need not stay.`);
  for (const id of ids as unknown[])
    if (typeof id !== 'string' || !isTransactionId(id))
      throw new TypeError(
        `acknowledgeGaps: ${shown(id)} is no id of a transaction; it stands in details.transaction of the error GAP.`,
      );
}

function checkCheckpoints(store: unknown): void {
  if (store === undefined) return;
  if (typeof store === 'string')
    throw new TypeError(`checkpoints: ${shown(store)} is a text; write fileCheckpoints(${shown(store)}).`);
  if (!isObject(store) || typeof store['load'] !== 'function' || typeof store['save'] !== 'function')
    throw new TypeError(
      'checkpoints: it is fileCheckpoints(path), memoryCheckpoints(), hubCheckpoints(), or an object with load() and save(text).',
    );
}

function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(`signal: ${shown(signal)} is no AbortSignal.`);
}

function checkKeys(options: object, known: readonly string[], of: string): void {
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length === 0) return;
  throw new TypeError(
    `${of}: there is no option ${unknown.map((key) => `'${key}'`).join(', ')}; there are ${known.join(', ')}.`,
  );
}

/** All keys of the options: one that is forgotten here does not compile. */
function keysOf<Options>(keys: Record<keyof Options, true>): readonly string[] {
  return Object.keys(keys);
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** A value as one would write it, in short. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'an invalid Date';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
