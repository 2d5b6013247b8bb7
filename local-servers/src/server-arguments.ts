import type { Flavour } from '../../scripts/servers.mjs';

/** What the files of a database depend on: the same where it is made and where it runs. */
export const storageArguments: Readonly<Record<Flavour, readonly string[]>> = {
  // Small and fast: data survive a kill of the server, not of the machine.
  mariadb: [
    '--innodb-log-file-size=32M',
    '--innodb-buffer-pool-size=32M',
    '--innodb-flush-log-at-trx-commit=2',
    '--innodb-doublewrite=0',
  ],
  mysql: [
    '--innodb-redo-log-capacity=32M',
    '--innodb-buffer-pool-size=64M',
    '--innodb-flush-log-at-trx-commit=2',
    '--innodb-doublewrite=OFF',
    '--performance-schema=OFF',
    '--mysqlx=OFF',
  ],
};

const common = [
  '--log-bin=binlog',
  '--binlog-row-image=FULL',
  '--binlog-row-metadata=FULL',
  '--sync-binlog=0',
  '--character-set-server=utf8mb4',
  '--bind-address=127.0.0.1',
  '--max-allowed-packet=1G',
  '--key-buffer-size=1M',
];

/** A source that can be captured. An option of the same name that comes later wins. */
export const defaultArguments: Readonly<Record<Flavour, readonly string[]>> = {
  mariadb: [...common, '--binlog-format=ROW', '--skip-name-resolve', '--aria-pagecache-buffer-size=4M'],
  mysql: [
    ...common,
    '--gtid-mode=ON',
    '--enforce-gtid-consistency=ON',
    // Packages have a folder here that only the system's own server has; as on MariaDB, any will do.
    '--secure-file-priv=',
  ],
};
