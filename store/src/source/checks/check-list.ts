import type { TableFilter } from '../table-filter.js';
import { binlogReach, binlogRetention } from './binlog-retention.js';
import * as binlog from './binlog-settings.js';
import type { SourceFacts } from './facts.js';
import type { Finding, FindingStatus } from './finding.js';
import { preparedTransactions } from './prepared-transactions.js';
import * as replication from './replication.js';
import { privileges, selectPrivilege } from './rights.js';
import { clockDifference, connections } from './surroundings.js';
import * as tables from './tables.js';

/** From facts to a finding; nothing where the check does not concern this source, or its facts were not asked for. */
export type Check = (facts: SourceFacts) => Finding | undefined;

const checks = (filter: TableFilter): readonly Check[] => [
  binlog.version,
  binlog.logBin,
  ...binlog.neededSettings,
  binlog.rowValueOptions,
  binlog.binlogEngine,
  binlog.serverId,
  binlog.tableNames,
  privileges,
  selectPrivilege(filter),
  replication.role,
  replication.logReplicaUpdates,
  replication.replicationFilters,
  replication.binlogFilters,
  replication.replicaIdClash,
  preparedTransactions,
  binlog.gtid,
  binlog.checksum,
  binlog.compression,
  binlog.temporalFormat,
  binlogRetention,
  binlogReach,
  ...binlog.durability,
  binlog.errorAction,
  binlog.writeTimeout,
  connections,
  clockDifference,
  tables.unsupportedColumns(filter),
  tables.versionedTables(filter),
  tables.tablesWithoutKey(filter),
  tables.cascadingForeignKeys(filter),
];

/** What the facts come to: the one place from which the store at its start and `drc doctor` take it. */
export const findingsOf = (facts: SourceFacts, filter: TableFilter): readonly Finding[] =>
  checks(filter).flatMap((check) => check(facts) ?? []);

const gravity: readonly FindingStatus[] = ['ok', 'unknown', 'warning', 'fault'];

/** The gravest. */
export const worst = (findings: readonly Finding[]): FindingStatus =>
  findings.reduce<FindingStatus>(
    (found, { status }) => (gravity.indexOf(status) > gravity.indexOf(found) ? status : found),
    'ok',
  );
