import {
  DrcError,
  FrameKind,
  decodeStoreMessage,
  isDrcError,
  openFrame,
  protocolVersions,
  type DescribedColumn,
  type DescribedTable,
  type ErrorCode,
  type StoreMessage,
} from '@drc/protocol';
import { connectOverWebSocket, type ConnectionOptions, type ConnectToStore } from './connection.js';
import type { StoreDirectory } from './directory.js';

export interface DescribeOptions {
  /** Globs over `schema.table`, e.g. `shop.*`; at least one. Default: all that the principal may read. */
  readonly tables?: readonly string[];
  /** Aborting rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** A table of a topic, with the columns that rows have for this principal. */
export interface TableDescription {
  readonly schema: string;
  readonly table: string;
  /** In the table's order. What the grant drops is not there; what it hashes is `text`. */
  readonly columns: readonly DescribedColumn[];
  /** Whether no row of it has been captured yet: it is described as the source has it now. */
  readonly unwritten: boolean;
  /** Whether columns have all that rows' table versions have, e.g. lengths and collations: stores of an earlier version leave that out. */
  readonly exact?: boolean;
  /** Whether the principal's grant drops columns of the primary key. */
  readonly keyHidden?: boolean;
}

/** What a topic's tables look like now. */
export interface TopicDescription {
  /** By schema and table, in the order of their UTF-16 code units. */
  readonly tables: readonly TableDescription[];
  /**
   * How many tables are missing that nothing was written to yet, because the source could not be asked; undefined where that
   * is not known. 0: none.
   */
  readonly missing: number | undefined;
}

export interface DescribeRequest {
  readonly topic: string;
  /** Name of the client, for the store's log. */
  readonly client: string;
  /** Empty: all that may be read. */
  readonly tables: readonly string[];
}

export interface DescribeConnection extends ConnectionOptions {
  /** How long a store may take for all of it, in ms. Default 120 s: it may have to ask the source, and others may ask before. */
  readonly answerMs?: number;
  /** How stores are reached. Default: over WebSockets. */
  readonly connect?: ConnectToStore;
}

/** These any store would answer. */
const finalCodes: ReadonlySet<ErrorCode> = new Set(['FORBIDDEN', 'TABLE_UNKNOWN', 'PROTOCOL_VIOLATION']);
/** Of tables and columns together: beyond this a store does not describe a topic but fill our memory. */
const maxEntries = 1_000_000;

/**
 * Asks each store of the topic once, best first, until one answers.
 * @throws DrcError what the manager or the stores say; the signal's reason
 */
export async function describeTopic(
  directory: Pick<StoreDirectory, 'stores' | 'transport' | 'connect'>,
  request: DescribeRequest,
  signal: AbortSignal,
): Promise<TopicDescription> {
  const { topic, client } = request;
  const { stores, ticket } = await directory.stores(topic, { kind: 'latest' }, signal, client);
  let failure: DrcError | undefined;
  for (const { address } of stores) {
    try {
      const { transport, connect } = directory;
      return await describeAt(address, ticket, request, signal, { transport, connect });
    } catch (error) {
      if (signal.aborted || !isDrcError(error) || finalCodes.has(error.code)) throw error;
      failure ??= error;
    }
  }
  throw failure ?? new DrcError('STORE_UNAVAILABLE', `No store has the topic ${topic} at the moment.`);
}

/** @throws DrcError what the store or the connection gives; the signal's reason */
export async function describeAt(
  address: string,
  ticket: string,
  { topic, client, tables }: DescribeRequest,
  signal: AbortSignal,
  options: DescribeConnection = {},
): Promise<TopicDescription> {
  signal.throwIfAborted();
  const answer = new DescriptionPages();
  const { promise, resolve, reject } = withResolvers<TopicDescription>();
  const answered = (message: StoreMessage): void => {
    if (message.type === 'error') return reject(new DrcError(message.code, message.message, message.details));
    if (message.type === 'welcome') {
      mustDescribe(message.describes);
      return connection.send({ type: 'describe', tables });
    }
    const description = answer.take(message);
    if (description !== undefined) resolve(description);
  };
  const connect = options.connect ?? connectOverWebSocket;
  const connection = connect(
    `${address.replace(/\/+$/, '')}/v1/stream/${encodeURIComponent(topic)}`,
    ticket,
    {
      opened: () => connection.send({ type: 'hello', versions: [...protocolVersions], client, topic }),
      frame: (bytes) => {
        try {
          const { kind, payload } = openFrame(bytes);
          if (kind !== FrameKind.control) throw violation('data that was not asked for');
          answered(decodeStoreMessage(payload));
        } catch (error) {
          reject(error as DrcError);
        }
      },
      ended: reject,
    },
    options,
  );
  const late = (): void => reject(new DrcError('CONNECTION_LOST', 'The store did not answer in time.'));
  const timer = setTimeout(late, options.answerMs ?? 120_000);
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    await connection.close();
  }
}

/** Puts the pages of an answer together. */
export class DescriptionPages {
  readonly #tables: TableDescription[] = [];
  /** The table of which more columns come. */
  #open: { readonly schema: string; readonly table: string; readonly columns: DescribedColumn[] } | undefined;
  #entries = 0;

  /** @returns the whole, with its last page. @throws DrcError `PROTOCOL_VIOLATION`. */
  take(message: StoreMessage): TopicDescription | undefined {
    if (message.type !== 'described') throw violation(`${message.type} instead of what was asked for`);
    for (const table of message.tables) this.#add(table);
    if (!message.last) return undefined;
    if (this.#open !== undefined) throw violation('half a table');
    const { incomplete = false, missing } = message;
    return { tables: this.#tables, missing: incomplete ? missing : 0 };
  }

  #add(piece: DescribedTable): void {
    const { schema, table, unwritten = false, exact = false, keyHidden = false, more = false } = piece;
    this.#entries += 1 + piece.columns.length;
    if (this.#entries > maxEntries) throw violation(`more than ${maxEntries} tables and columns`);
    const open = this.#open;
    if (open !== undefined && (open.schema !== schema || open.table !== table))
      throw violation('half a table');
    const columns = open?.columns ?? [];
    // Not a copy for each piece: a store may send one of each column.
    for (const column of piece.columns) columns.push(column);
    this.#open = more ? { schema, table, columns } : undefined;
    if (!more) {
      const facts = { ...(exact ? { exact } : {}), ...(keyHidden ? { keyHidden } : {}) };
      this.#tables.push({ schema, table, columns, unwritten, ...facts });
    }
  }
}

/** @throws DrcError `PROTOCOL_VERSION`. */
function mustDescribe(describes: boolean | undefined): void {
  if (describes === true) return;
  throw new DrcError('PROTOCOL_VERSION', 'The store is older than descriptions of tables: update it.');
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<T>((...functions) => ([resolve, reject] = functions));
  return { promise, resolve, reject };
}

const violation = (what: string): DrcError => new DrcError('PROTOCOL_VIOLATION', `The store sent ${what}.`);
