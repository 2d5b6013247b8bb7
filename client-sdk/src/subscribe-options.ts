import {
  canonicalTransactionId,
  type Checkpoint,
  DrcError,
  type OriginWish,
  type Partition,
  type RowOperation,
  type StartFrom,
} from '@drc/protocol';
import type { CheckpointStore } from './checkpoint-store.js';
import { TopicsCheckpoint } from './topics/topics-checkpoint.js';

export interface SubscribeOptions {
  /**
   * Where to begin: only while `checkpoints` holds none. Default `latest`. A number or Date is a moment of the
   * source's history (ms since 1970); the stream then begins a little earlier rather than later. With `transaction`, the
   * id of one (`Transaction.id`), it begins with that: not for several topics. A `checkpoint` of several has a place in each of them.
   * `snapshot`: the rows that are there come first, as transactions with `snapshot` set, beside the changes that come meanwhile.
   */
  readonly from?:
    | 'earliest'
    | 'latest'
    | 'snapshot'
    | { readonly timestamp: Date | number }
    | { readonly transaction: string }
    | { readonly checkpoint: string | Checkpoint | TopicsCheckpoint };
  /**
   * Whether a moment that lies before the log may be read from the source, which still has it in its binlogs. Needs the right
   * `backfill`, and a store that allows it. Default false: such a moment is `RETENTION_EXPIRED`.
   */
  readonly backfill?: boolean;
  /** Globs over `schema.table`, e.g. `shop.*`; at least one. Default: all that the principal may read. */
  readonly tables?: readonly string[];
  /**
   * Which tables are copied. With `from: 'snapshot'` default `tables`. Given to a subscription that has a checkpoint already, tables that are named here in
   * full, and were not copied before, are copied now. Needs the right `snapshot`.
   */
  readonly snapshot?: { readonly tables: readonly string[] };
  /** Row operations wanted; at least one. Default: all. */
  readonly operations?: readonly RowOperation[];
  /**
   * Ids of transactions that an operator left out of a log, and whose changes you no longer expect: the loop goes on
   * over them. Any other that concerns a wanted table is thrown as `GAP`, with its id in `details.transaction`. At most
   * 100; one that has been passed need not stay. Default: none.
   */
  readonly acknowledgeGaps?: readonly string[];
  /**
   * Rows wanted, by table or glob: conditions in SQL, e.g. `{ 'shop.orders': "region = 'eu' AND total > 100" }`. A row that
   * an update moves into or out of the condition arrives as an insert or a delete. Default: all rows.
   */
  readonly where?: Readonly<Record<string, string>>;
  /** Columns wanted, by table or glob; each must exist. Default: all. */
  readonly columns?: Readonly<Record<string, readonly string[]>>;
  /**
   * Divides the rows by primary key among `of` subscriptions (at most 1024); this one gets the share `index`, from 0. All
   * versions of a row are of one share; tables without a key are of one share as a whole. Default: all rows.
   */
  readonly partition?: Partition;
  /**
   * Which transactions are wanted by their origin (`Transaction.origin`): `{ exclude: ['b'] }` all but those, `{ include: ['a', ''] }`
   * those alone; '' stands for transactions without a mark. What is left out passes as progress. 1 to 100 names. Default: all.
   */
  readonly origins?: OriginWish;
  /**
   * Where the checkpoint is kept: `fileCheckpoints`, `memoryCheckpoints`, `hubCheckpoints`, or one of your own. Default:
   * nowhere; it lives as long as the subscription.
   */
  readonly checkpoints?: CheckpointStore;
  /**
   * What the service calls this subscription: operators see it in `drc reader ls`. 1 to 100 letters, digits, dots, dashes
   * or underscores. Default: that of `hubCheckpoints`, else none.
   */
  readonly name?: string;
  /** How many bytes may be under way to this reader. Default 4 MiB. */
  readonly windowBytes?: number;
  /** Aborting ends the subscription: the loop is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Where the options say to begin. @throws DrcError `CHECKPOINT_INVALID`. */
export function startOf(from: NonNullable<SubscribeOptions['from']>, topic: string): StartFrom {
  if (from === 'earliest' || from === 'latest') return { kind: from };
  // The changes that come while tables are copied are those from now on.
  if (from === 'snapshot') return { kind: 'latest' };
  if ('checkpoint' in from) {
    const checkpoint = checkpointOf(from.checkpoint.toString(), topic);
    return { kind: 'checkpoint', checkpoint: checkpoint.toString() };
  }
  if ('transaction' in from) return { kind: 'transaction', id: canonicalTransactionId(from.transaction) };
  return { kind: 'timestamp', time: Math.floor(Number(from.timestamp)) };
}

/** @throws DrcError `CHECKPOINT_INVALID`, also for one of another topic, or of others too. */
export function checkpointOf(text: string, topic: string): Checkpoint {
  const whole = TopicsCheckpoint.parse(text);
  const checkpoint = whole.of(topic);
  if (checkpoint !== undefined && whole.topics.length === 1) return checkpoint;
  const all = whole.topics.join(', ');
  throw new DrcError(
    'CHECKPOINT_INVALID',
    checkpoint === undefined
      ? `The checkpoint is of topic ${all}, not ${topic}.`
      : `The checkpoint is of the topics ${all}, not of ${topic} alone: subscribe to the list of them.`,
    { topic },
  );
}

/** What `from` says for one of several topics. @throws DrcError `CHECKPOINT_INVALID` where its checkpoint has no place there. */
export function fromOf(from: SubscribeOptions['from'], topic: string): SubscribeOptions['from'] {
  if (typeof from !== 'object' || !('checkpoint' in from)) return from;
  const whole = TopicsCheckpoint.parse(from.checkpoint.toString());
  const checkpoint = whole.of(topic);
  if (checkpoint !== undefined) return { checkpoint };
  throw new DrcError(
    'CHECKPOINT_INVALID',
    `The checkpoint has no place in topic ${topic}, only in ${whole.topics.join(', ')}. With \`checkpoints: memoryCheckpoints(text)\` it begins at \`from\`.`,
    { topic },
  );
}
