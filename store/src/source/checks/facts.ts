import type { DrcError } from '@drc/protocol';

/** What the source said, or the error with which it refused to say it. */
export type Answer<Value> = { readonly value: Value } | { readonly refusal: DrcError };

/** By what a server is known. */
export interface ServerIdentity {
  readonly flavour: 'mariadb' | 'mysql';
  readonly serverId: number;
  /** MySQL's server_uuid; empty for MariaDB, which has none. */
  readonly uuid: string;
}

/** One connection of the source as a replica of another server. */
export interface ReplicationChannel {
  /** The server that it replicates from. */
  readonly from: string;
  /** Both of its threads run. */
  readonly running: boolean;
  /** Seconds behind; undefined where the source cannot tell. */
  readonly lagSeconds: number | undefined;
  /** `Replicate_Do_DB = shop`, … */
  readonly filters: readonly string[];
}

/** What is asked of the server itself. A connection's few questions, fast on every server. */
export interface ServerFacts {
  readonly flavour: 'mariadb' | 'mysql';
  /** As the server gives it: `10.11.6-MariaDB-log`. */
  readonly version: string;
  /** The global variables, by name in small letters. */
  readonly variables: ReadonlyMap<string, string>;
  /** CURRENT_USER: `repl@%`. */
  readonly account: string;
  /** The lines of SHOW GRANTS; roles that are in force are in them. */
  readonly grants: readonly string[];
  readonly channels: Answer<readonly ReplicationChannel[]>;
  /** `binlog_do_db = shop`, … */
  readonly binlogFilters: Answer<readonly string[]>;
  readonly connections: Answer<number>;
  /** The source's clock minus this machine's, ms, and how exact that is: half of the time that the answer took. */
  readonly clock: { readonly differenceMs: number; readonly uncertaintyMs: number };
}

export interface UnsupportedColumn {
  /** `schema.table.column` */
  readonly name: string;
  /** `type xmltype`, `collation x` */
  readonly reason: string;
}

/** What is asked of INFORMATION_SCHEMA: the captured tables only, `schema.table`. Slow where there are many thousands. */
export interface TableFacts {
  /** MariaDB's tables that are versioned by transaction id. The others are absent where only these were asked for. */
  readonly versioned: Answer<readonly string[]>;
  /** Without a primary key, and without a unique key over columns that are never NULL. */
  readonly keyless?: Answer<readonly string[]>;
  /** Whose rows foreign keys with CASCADE or SET NULL change. */
  readonly cascading?: Answer<readonly string[]>;
  readonly unsupported?: Answer<readonly UnsupportedColumn[]>;
}

/** How far back the binlog reaches. */
export interface BinlogReach {
  readonly files: number;
  readonly bytes: number;
  /** ms between the beginning of the oldest file and now, by the source's clock. */
  readonly ageMs: number;
  /** The oldest is the first that there ever was. */
  readonly complete: boolean;
}

/** A store's id as a replica, from its data folder, and the ids that the source knows of its other replicas. */
export interface ReplicaIds {
  readonly store: Answer<number>;
  readonly others: Answer<readonly number[]>;
}

/** What capture is to do. */
export interface Wishes {
  /** How far back a store keeps changes, ms. */
  readonly retentionMs: number;
  /** Globs over `schema.table`; empty: everything. */
  readonly include: readonly string[];
  /** Capture goes by GTID from one host of a topology to the next. */
  readonly severalHosts?: boolean;
}

/** All that the checks look at. What was not asked is absent, and its checks find nothing then. */
export interface SourceFacts {
  readonly server: ServerFacts;
  readonly tables?: TableFacts;
  readonly reach?: Answer<BinlogReach>;
  readonly replicaIds?: ReplicaIds;
  /** The XIDs of prepared XA transactions, as the servers' statements write them; asked where no store has begun yet. */
  readonly prepared?: Answer<readonly string[]>;
  readonly wishes: Wishes;
}

/** A variable's value in small letters; undefined where the server has none of that name. */
export const variable = ({ variables }: ServerFacts, name: string): string | undefined =>
  variables.get(name)?.toLowerCase();

export const isOn = (server: ServerFacts, name: string): boolean =>
  ['on', '1', 'yes'].includes(variable(server, name) ?? '');

/** `10.11.6-MariaDB` → [10, 11, 6] */
export function versionNumbers({ version }: Pick<ServerFacts, 'version'>): readonly [number, number, number] {
  const [, major, minor, patch] = /(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)];
}

/** Whether the server is of this version or a newer one. */
export function isSince(
  server: Pick<ServerFacts, 'version'>,
  ...wanted: readonly [number, number, number?]
): boolean {
  const found = versionNumbers(server);
  for (const [index, number] of wanted.entries()) {
    const difference = found[index]! - (number ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
