import type { Clock } from '../clock.js';
import type { Snapshots } from '../table-copy/snapshots.js';
import type { TicketVerifier } from './authorize.js';
import type { Backfills } from './backfills.js';
import type { FilterViews } from './filter-views.js';
import type { FramePool } from './frame-pool.js';
import type { FrameSink } from './frame-writer.js';
import type { HistoryReads } from './history-reads.js';
import type { ManagerContact } from './manager-contact.js';
import type { ReadableLog } from './readable-log.js';
import type { Revocations } from './revocations.js';
import type { ServeCounters } from './serve-counters.js';
import type { TopicTables } from './topic-tables.js';

/** A client's connection, after the upgrade. */
export interface SessionSocket extends FrameSink {
  /** Bytes given to `send` that are not with the kernel yet. */
  readonly unsentBytes: number;
  /** Ends the connection in order; `reason` is an error code or empty. */
  close(code: number, reason: string): void;
}

/** What all sessions of a store share. */
export interface SessionEnvironment {
  readonly topic: string;
  readonly storeId: string;
  readonly log: ReadableLog;
  readonly views: FilterViews;
  readonly verifier: TicketVerifier;
  readonly contact: ManagerContact;
  readonly revocations: Revocations | undefined;
  /** Whether the topic has, or ever had, this table (`schema.table`). */
  readonly hasTable: (table: string) => boolean | Promise<boolean>;
  /** Whether it has, or ever had, a table that matches. */
  readonly someTable: (matches: (table: string) => boolean) => boolean | Promise<boolean>;
  /** Absent: tables are not described. */
  readonly topicTables?: TopicTables | undefined;
  readonly pool: FramePool;
  readonly counters: ServeCounters;
  readonly clock: Clock;
  readonly historyReads: HistoryReads;
  /** Absent: nothing is read from before the log. */
  readonly backfills?: Backfills | undefined;
  /** Absent: no tables are copied. */
  readonly snapshots?: Snapshots | undefined;
  readonly limits: SessionLimits;
  /** The key of hashed columns; absent: this store serves no grant that hashes. */
  readonly columnHashKey?: Buffer | undefined;
}

export interface SessionLimits {
  /** From the upgrade to the greeting, and from there to the subscription; default 5 s. */
  readonly greetingMs: number;
  /** How long a session may go on after its ticket ran out, while no manager can be reached; default 1 h. */
  readonly ticketGraceMs: number;
  /** How long its client then has for the renewal, once a manager is back; default 60 s. */
  readonly renewWithinMs: number;
  /** How long a stopping store waits for a client that takes its time; default 3 s. */
  readonly drainMs: number;
  /** How long a session that is to move may take to the end of its transaction; default 30 s. */
  readonly leaveMs: number;
  /** Bytes read from the log at a time; default 256 KiB. */
  readonly burstBytes: number;
  /** Bytes of data frames that may wait for the kernel; default 192 KiB. */
  readonly maxUnsentBytes: number;
  /** How far a seek by time goes back beyond the source's resolution; default 1 s. */
  readonly seekMarginMs: number;
}
