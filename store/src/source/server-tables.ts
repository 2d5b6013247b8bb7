/** Tables that MariaDB 10.5-11 and MySQL 8.0-9 keep in the schema `mysql`. */
const own: ReadonlySet<string> = new Set(
  (
    'columns_priv column_stats component db default_roles engine_cost event func general_log global_grants global_priv gtid_executed ' +
    'gtid_slave_pos help_category help_keyword help_relation help_topic index_stats innodb_index_stats innodb_table_stats ' +
    'ndb_binlog_index password_history plugin proc procs_priv proxies_priv role_edges roles_mapping server_cost servers ' +
    'slave_master_info slave_relay_log_info slave_worker_info slow_log tables_priv table_stats time_zone time_zone_leap_second ' +
    'time_zone_name time_zone_transition time_zone_transition_type transaction_registry user'
  ).split(' '),
);
/** Those of hosted servers, which write their heartbeats and states there: Amazon, Google, Alibaba, Azure. */
const hosted =
  /^(?:rds_|aurora_|ha_health_check|heartbeat|cloudsql|__?az_|az_|replication_(?:asynchronous|group)_)/;

/** Whether `schema.table` is a base table of the server's own: not a view or a table that somebody has put into its schema. */
export function isServerTable(name: string): boolean {
  if (!name.startsWith('mysql.')) return false;
  const table = name.slice('mysql.'.length).toLowerCase();
  return own.has(table) || hosted.test(table);
}
