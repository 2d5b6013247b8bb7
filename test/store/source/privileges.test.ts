import { describe, expect, it } from 'vitest';
import { missingPrivileges } from '../../../store/src/source/privileges.js';

describe('missingPrivileges', () => {
  it.each([
    [['GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION'], []],
    [['GRANT USAGE ON *.* TO `u`@`%`'], ['REPLICATION SLAVE', 'BINLOG MONITOR', 'SELECT']],
    [["GRANT SELECT, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*A'"], []],
    [
      [
        'GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `u`@`%`',
        'GRANT SELECT ON `shop`.* TO `u`@`%`',
      ],
      [],
    ],
    [
      [
        'GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `u`@`%`',
        'GRANT SELECT (`a`, `b`) ON `shop`.`t` TO `u`@`%`',
      ],
      [],
    ],
    // ALL on one schema gives no global privilege.
    [
      ['GRANT USAGE ON *.* TO `u`@`%`', 'GRANT ALL PRIVILEGES ON `shop`.* TO `u`@`%`'],
      ['REPLICATION SLAVE', 'BINLOG MONITOR'],
    ],
    [['GRANT `role` TO `u`@`%`'], ['REPLICATION SLAVE', 'BINLOG MONITOR', 'SELECT']],
  ])('finds in %j what is missing', (grants, missing) => {
    expect(missingPrivileges(grants, 'mariadb')).toEqual(missing);
  });
});
