/** What the code table says of one error: the advice is shown to people, `retryable` steers reconnection. */
export interface ErrorAdvice {
  /** Whether trying the same again, later or on another store, can succeed without anybody's doing. */
  readonly retryable: boolean;
  /** What happened, when that is normal, what to do. One or two sentences; `docs/errors.md` is made from it. */
  readonly advice: string;
}

const fatal = (advice: string): ErrorAdvice => ({ retryable: false, advice });
const retry = (advice: string): ErrorAdvice => ({ retryable: true, advice });

/**
 * Every error that DRC reports has one of these codes. Codes are API: they are never renamed or reused; the
 * messages beside them are prose. Sorted by the part that raises them.
 */
export const errorTable = {
  // The source
  SOURCE_UNREACHABLE: retry('The source database does not answer. Check host, port and network.'),
  SOURCE_AUTH: retry(
    'The source refused the user or its password. Correct them; a password from a file or the environment is read at start.',
  ),
  SOURCE_PRIVILEGE: fatal(
    'The source user lacks a privilege. Run the GRANT statement that the message prints, then start again. `drc doctor` shows all that matters.',
  ),
  SOURCE_CONFIG: fatal(
    'A setting of the source would lose information. Run the statement that the message prints, then start again. What SET GLOBAL sets is gone after a restart of the server: put it into the option file under [mysqld], too. Sessions opened before still write the old format: let applications connect anew. `drc doctor` shows all that matters, with the lines for the option file.',
  ),
  SOURCE_LOST: retry(
    'The connection to the source ended or fell silent. Nothing is lost: capture goes on at the position that the log has.',
  ),
  SOURCE_CHANGED: fatal(
    'The data folder belongs to another source server. Give this source a folder of its own, or correct the address; for servers of one topology give `source.hosts`.',
  ),
  SOURCE_HISTORY_CHANGED: fatal(
    'The source no longer has transactions that were captured from it: it was restored, reset, or failed over to a replica that missed them. The store does not capture, and serves what the source still has, as far as that is known; a reader that has come beyond, or waits for what follows, gets this code: what it has read may not be there any more. Start with a new data folder, and the readers anew (docs/operations.md).',
  ),
  SERVER_ID_IN_USE: fatal(
    'Another replica of the source uses the server id of this store; two equal ids end each other’s connection. Was the data folder copied? Stop the other process, or begin with a new folder.',
  ),
  BINLOG_PURGED: fatal(
    'The source has deleted the binlog at which capture must go on. What is in the log can still be read; to capture on, begin with a new data folder (remove or rename that of the topic), and keep binlogs longer than the longest stop.',
  ),
  GTID_PURGED: fatal(
    'The source has deleted the binlogs with transactions that capture needs next, by their GTIDs. What is in the log can still be read; another server of the topology may have them yet (`source.hosts`). Otherwise begin with a new data folder, and keep binlogs longer than the longest stop.',
  ),
  BINLOG_POSITION: fatal(
    'The place in the binlog at which capture was to begin is not the end of a transaction: a number of `capture.start` is mistyped, or the file is not the one it was. SHOW BINLOG EVENTS lists the places.',
  ),
  BINLOG_RESET: fatal(
    'The source’s binlogs were reset (RESET MASTER, RESET BINARY LOGS AND GTIDS) while they were read. The store serves what it has. Begin with a new data folder once the readers have been told.',
  ),
  SOURCE_BEHIND: retry(
    'The source is a replica that does not have all transactions of the log yet. Nothing is captured from it until it has; it is looked at again every few seconds. Where it never gets there, look at its replication.',
  ),
  SOURCE_GTID_MODE: retry(
    'The source’s gtid_mode was switched while the store was away: behind its place the binlog has transactions with GTIDs and gtid_mode is OFF, or transactions without and it is ON, and the server does not send those. SET GLOBAL gtid_mode = OFF_PERMISSIVE (where it is OFF) or ON_PERMISSIVE (where it is ON) until the store has passed them; it looks again every few seconds.',
  ),
  CHECKSUM_MISMATCH: fatal(
    'An event from the source does not match its checksum: it was damaged on the way or on the source’s disk. The position has not moved; start again, and if it happens again check the binlog with mysqlbinlog --verify-binlog-checksum. A binlog that is damaged for good is passed with `drc store skip`, transaction by transaction.',
  ),
  UNSUPPORTED_EVENT: fatal(
    'The binlog contains an event that this version does not handle. The store stopped before it, so that nothing is silently lost; the message names the event and its position. Where its cause cannot be mended, `drc store skip` leaves the transaction out, and tells the readers.',
  ),
  UNSUPPORTED_COLUMN: fatal(
    'A captured table has a column that cannot be captured exactly. Exclude the column or the table, or convert the column.',
  ),
  STATEMENT_EVENT: fatal(
    'A session wrote its changes as statements instead of rows. The rows cannot be known; the store stopped before it. Find who sets binlog_format. Then either leave out such writes to that table (capture.ignoreStatements), leave out one transaction (`drc store skip`), or begin behind them, with a new data folder and capture.start: now.',
  ),
  EVENT_MALFORMED: fatal(
    'An event could not be decoded under its own description. The store stopped before it; please report the position and server version. `drc store skip` leaves the transaction out, and tells the readers.',
  ),
  XA_UNKNOWN: fatal(
    'The source committed an XA transaction that was prepared before the log begins, so that the log does not have its rows; the store stopped before it. Begin with a new data folder at a moment before it was prepared (`start`), where the source still has that binlog, or leave it out (`drc store skip`) and copy its rows by hand. Before a log begins anew, XA RECOVER on the source should list nothing.',
  ),
  GTID_OUT_OF_ORDER: fatal(
    'A transaction carries a GTID that its domain had already passed: sequence numbers went back, as they can without gtid_strict_mode or when two servers write one domain. A checkpoint could not tell it from what was delivered, so the store stopped before it. Set gtid_strict_mode=ON on the source, and begin with a new data folder.',
  ),
  SKIP_NOT_NEEDED: fatal(
    'There is nothing to leave out: capture would take what comes next. Start the store; where it stops again, ask again.',
  ),
  SKIP_OTHER_TRANSACTION: fatal(
    'Only the transaction in front of which capture stands can be left out, and that is not the one that was named. Run the command without --transaction: it shows which one it is, and why capture stops there.',
  ),
  SKIP_IMPOSSIBLE: fatal(
    'What comes next cannot be left out; the message says why. Mend the cause, or begin with a new data folder behind it (capture.start).',
  ),
  // The log
  LOG_LOCKED: fatal('Another process has this data folder open. Stop it, or use another folder.'),
  LOG_CORRUPT: fatal(
    'The log is damaged at the place named. Nothing beyond it is served; `cause` says what was found. `drc store repair` cuts the log off in front of it, and the store captures the rest again; or restore the folder, or begin with a new one.',
  ),
  LOG_MISSING: fatal(
    'The durable mark says that this log had transactions which are no longer there. `drc store repair` shows what is left and keeps that, and the store captures the rest again; or restore the folder, or remove it and begin anew.',
  ),
  LOG_FORMAT: fatal(
    'The log was written by a newer version of DRC. Run that version, or begin with a new folder.',
  ),
  LOG_WRITE_FAILED: retry(
    'Writing the log failed. The store reopened it and captures again from what it holds; check the disk.',
  ),
  DISK_RESERVE: retry(
    'The disk is down to its reserve: capture waits, reading goes on. Free space; capture resumes by itself.',
  ),
  // Positions
  RETENTION_EXPIRED: fatal(
    'The wanted moment is older than the log. `oldest` is the oldest moment left; read from there, or copy the tables anew.',
  ),
  BACKFILL_UNAVAILABLE: fatal(
    'The wanted moment is older than the log and cannot be read from the source either: its binlogs no longer reach back, or the store’s configuration allows nothing of that kind (`backfill`). The message says which; read from the oldest moment of the log, or copy the tables anew.',
  ),
  TRANSACTION_UNKNOWN: fatal(
    'The log does not have the transaction with which reading was to begin, nor did it have it before: its id is mistyped, it is another source’s, or the store has not captured it yet.',
  ),
  CHECKPOINT_INVALID: fatal('The checkpoint could not be read. It must be passed on exactly as DRC gave it.'),
  GAP: fatal(
    'An operator of the store left out a transaction that could not be captured; what it changed in the tables named will never come. Everything before it was delivered. Bring these tables in line by other means (copy them anew, say), then acknowledge the transaction: acknowledgeGaps in the SDK and in a congo task, --acknowledge-gap for drc tail. Another store of the topic may have it.',
  ),
  CHECKPOINT_DIVERGED: fatal(
    'The checkpoint holds transactions of another history of the source (after a failover that lost some). Copy the tables anew, or start from a moment you choose.',
  ),
  // Snapshots
  SNAPSHOT_NEEDS_KEY: fatal(
    'A snapshot reads a table in the order of a key, and this one has none that serves: a primary key, or a unique key of NOT NULL columns without prefixes and expressions, all of whose columns are captured. Add one (on MySQL an invisible column will do), or leave the table out of the snapshot.',
  ),
  SNAPSHOT_NEEDS_GTID: fatal(
    'A snapshot of a MySQL source is merged with the stream by GTIDs, and the source has gtid_mode other than ON. Switch it on (OFF_PERMISSIVE, ON_PERMISSIVE, ON, with enforce_gtid_consistency = ON); it needs no restart.',
  ),
  SNAPSHOT_UNSUPPORTED: fatal(
    'The table cannot be read while it is written to so that each row’s place in the stream is known: it is a view or a sequence, or of an engine without snapshots, or its key has values that cannot be told apart. Convert it to InnoDB, mend the key, or leave it out of the snapshot.',
  ),
  SNAPSHOT_KEY_INVALID: fatal(
    'The place at which the copying of a table was to go on is not one of this table’s key: the key has changed since. The table is copied from its beginning.',
  ),
  SNAPSHOT_TABLE_CHANGED: retry(
    'The table was altered, or is being altered, while it was read. What was being read is dropped and read again.',
  ),
  // Asking and being allowed
  UNAUTHENTICATED: fatal('No valid credentials or ticket were given. Log in again.'),
  FORBIDDEN: fatal('The principal may not do or read that. Ask whoever grants access.'),
  CONDITION_INVALID: fatal(
    'A condition or a computed column is not an expression that can be evaluated for its table; the message names the character and what is wrong. docs/expressions.md has the whole language.',
  ),
  CONDITION_FAILED: fatal(
    'A condition or a computed column could not be evaluated for a row, so that nobody knows whether the row may pass: the reading ended in front of it. The message says why.',
  ),
  TICKET_EXPIRED: retry('The ticket ran out. The SDK fetches a new one by itself.'),
  TICKET_REVOKED: retry(
    'The principal was disabled, its credentials were changed, or the token that it logged in with was revoked: the stores end what was read with it at once. The SDK asks the cluster manager for a new ticket, which says whether the principal is still welcome.',
  ),
  GRANT_CHANGED: fatal(
    'What the principal may read of these tables was changed while it read. What came before was under the old grant: decide whether it still holds (read anew from an earlier moment, or copy the tables), then subscribe again, under the new one.',
  ),
  TOPIC_CONFIG_MISMATCH: fatal(
    'Another store of the topic captures other tables or columns (capture.include, exclude, excludeColumns): a reader that moved between them would miss rows without a sign. Give all stores of the topic the same lists; to change them, stop the others first.',
  ),
  TOPIC_UNKNOWN: fatal(
    'There is no such topic, or the principal may not see it. `drc topics` lists what there is.',
  ),
  TABLE_UNKNOWN: fatal('The subscription names a table that the topic does not have. Correct the name.'),
  STORE_UNAVAILABLE: retry(
    'No store of the topic can serve the wanted moment right now. The SDK tries again.',
  ),
  STORE_DRAINING: retry(
    'The readers of this store are moved away, by an operator (drc store drain) or because its capture stands still; another store of the topic has all that this one needs next. The SDK goes on there at once.',
  ),
  WRONG_STORE: retry('The address led to a store of another topic. The SDK asks the cluster manager again.'),
  RATE_LIMITED: retry('Too many requests. Wait as long as the answer says.'),
  REQUEST_INVALID: fatal(
    'The cluster manager does not understand the request: its address, method, size or content is wrong. The message says what.',
  ),
  // TLS
  TLS_UNTRUSTED: retry(
    'The peer’s certificate is of no authority that is believed. Name the file of its authority: tls.ca in the SDK, --tls-ca for commands, managerTls.caFile for a store. Where it was not expected to change, find out who answers there.',
  ),
  TLS_WRONG_NAME: retry(
    'The peer’s certificate is for other names than the one that was asked for. Use the name that stands in it, put the name into it, or say which one is meant (serverName).',
  ),
  TLS_EXPIRED: retry(
    'The peer’s certificate has expired, or is not valid yet. Renew it (a port takes new files without a restart), and compare the clocks of both machines.',
  ),
  TLS_CLIENT_CERTIFICATE: retry(
    'The peer asks for a client certificate, and got none that it believes. Give one of the authority that it trusts, with its key.',
  ),
  PLAINTEXT_REFUSED: fatal(
    'Credentials are not sent without TLS to another machine, where everybody on the way could read them. Use https and wss addresses; where the network itself is encrypted, plaintext: allow (of commands: --plaintext allow) says so.',
  ),
  // The protocol
  PROTOCOL_VERSION: fatal('Client and server have no protocol version in common. Update the older one.'),
  PROTOCOL_VIOLATION: fatal(
    'The peer sent something that the protocol does not allow. The connection was ended.',
  ),
  FRAME_CORRUPT: retry('A frame did not match its CRC. The connection was ended; the SDK resumes.'),
  CONNECTION_LOST: retry('The connection ended. The SDK reconnects and resumes.'),
  MANAGER_UNREACHABLE: retry(
    'No cluster manager answers. Check its address, and whether it runs. What is being read goes on without it.',
  ),
  // The SDK
  SUBSCRIPTION_BUSY: fatal('A subscription is read by one loop at a time. Make a second subscription.'),
  TRANSACTION_TOO_LARGE: fatal(
    '`tx.all()` met its limit. Read the transaction with `for await (const change of tx.changes)`, or raise the limit.',
  ),
  CHECKPOINT_STORE: fatal(
    'The checkpoint could not be read or written. Reading stopped, so that nothing is lost.',
  ),
  CHECKPOINT_FENCED: fatal(
    'Another instance of the service took this subscription over, under the same name; it goes on from what was saved. Of two that are meant to run side by side each needs a name of its own (hubCheckpoints({ name })).',
  ),
  CHECKPOINT_MOVED: fatal(
    'An operator moved the subscription (drc reader seek), or removed what was saved of it (drc reader rm). Start the service again: it begins at the new place.',
  ),
  CLOSED: fatal('The object was closed before.'),
  // Congo
  TARGET_UNREACHABLE: retry(
    'The target database does not answer, or not with a certificate that is believed. Check host, port and network, or what the message names.',
  ),
  TARGET_AUTH: fatal(
    'The target let the user in neither with this password nor with this kind of connection. The message says what to look at; correct it, then start again.',
  ),
  TARGET_CONFIG: fatal(
    'The target lacks a table, a column, a key or a privilege. The message lists all faults.',
  ),
  KEY_NOT_READABLE: fatal(
    'The grant of the task’s principal drops columns of a table’s primary key, so that rows cannot be found on the target. Grant these columns too.',
  ),
  TARGET_REFUSED: fatal(
    'The target refused a row. The task stopped at the transaction named; correct the target, then start it again.',
  ),
  ROW_MISSING: fatal(
    'An update or delete found no row on the target: source and target differ. The task stopped.',
  ),
  ROW_DUPLICATE: fatal(
    'An insert met an existing key on the target: source and target differ. The task stopped.',
  ),
  SNAPSHOT_UNAVAILABLE: fatal(
    'This store copies no tables for readers (it is older, or `snapshots` is off in its configuration). The SDK tries the topic’s other stores first.',
  ),
  SHARD_UNKNOWN: fatal(
    'A row belongs to no shard: its value is NULL, or none of the rule’s ranges, lists or numbers takes it. The task stopped in front of it. Give the rule a shard for such rows (`into`), or leave them out (`where`).',
  ),
  VALUE_TRUNCATED: fatal('The target would have stored another value than the source has. Widen the column.'),
  TASK_FENCED: fatal(
    'Another congo took over this task. This one wrote nothing after that, and stopped. Do not start it again while the other runs.',
  ),
  TASK_UNKNOWN: fatal(
    'The target has no task of that name: congo has not run there yet, or the name, the server or `progressSchema` is another.',
  ),
  TASK_RUNNING: fatal(
    'A process runs the task, and what was asked is for a task that rests. Stop that process (SIGTERM), then try again.',
  ),
  WAIT_TIMEOUT: retry(
    'The target did not have the transaction in time. `congo status` tells whether the task runs, is paused, or is behind.',
  ),
  STATEMENT_UNSUPPORTED: fatal(
    'The task met a change that its rules do not cover, for example DDL. Where the target has its effect already (a CREATE TABLE from before the task, or what somebody ran there by hand), go on with `ddl: ignore` in the task’s file; else run the statement on the target first.',
  ),
  // Processes
  CONFIG_INVALID: fatal('The configuration has the faults listed. Correct them; nothing was started.'),
  PORT_IN_USE: fatal('Another process listens on that address. Stop it, or configure another port.'),
  ADDRESS_NOT_LOOPBACK: fatal(
    'Without TLS only loopback addresses are allowed: 127.0.0.1, ::1. Give the port a certificate (tls), or say plaintext: allow where the network itself is encrypted. The ports of metrics are for loopback always.',
  ),
  DATA_FOLDER: fatal('The data folder cannot be used. The message says why.'),
  REGISTRY_CORRUPT: fatal(
    'The cluster manager’s data folder, or its registry in ZooKeeper, cannot be read. Restore it; it is never silently replaced.',
  ),
  REGISTRY_UNAVAILABLE: retry(
    'The cluster manager cannot reach ZooKeeper. What it knew goes on being answered for a while, changes have to wait; look at the ZooKeeper servers and the network to them. Other managers may be better off.',
  ),
  INTERNAL: fatal('A law inside DRC was broken. Please report it with the stack.'),
} as const satisfies Record<string, ErrorAdvice>;

export type ErrorCode = keyof typeof errorTable;

/** Values that explain the error: a moment, a table, a position. Shown, logged and sent as they are: no secrets. */
export type ErrorDetails = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/**
 * The one error class. `code` and `details` are for programs, `message` for people.
 * A programming mistake (a wrong argument type) stays a `TypeError`.
 */
export class DrcError extends Error {
  override readonly name = 'DrcError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  /** @param message what happened here, one sentence; the advice of the table is appended where it is shown. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  get advice(): string {
    return errorTable[this.code].advice;
  }
}

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(errorTable, value);

/** True for a `DrcError`, with that code where one is given. */
export const isDrcError = (error: unknown, code?: ErrorCode): error is DrcError =>
  error instanceof DrcError && (code === undefined || error.code === code);
