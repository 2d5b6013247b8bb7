import { describe, expect, it } from 'vitest';
import {
  hasPrivilege,
  missingPrivileges,
  selectPlaces,
  selectRight,
} from '../../../store/src/source/privileges.js';

describe('missingPrivileges', () => {
  it.each([
    [['GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION'], []],
    [['GRANT USAGE ON *.* TO `u`@`%`'], ['REPLICATION SLAVE', 'BINLOG MONITOR']],
    [["GRANT SELECT, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*A'"], []],
    [['GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `u`@`%`'], []],
    // ALL on one schema gives no global privilege.
    [
      ['GRANT USAGE ON *.* TO `u`@`%`', 'GRANT ALL PRIVILEGES ON `shop`.* TO `u`@`%`'],
      ['REPLICATION SLAVE', 'BINLOG MONITOR'],
    ],
    [['GRANT `role` TO `u`@`%`'], ['REPLICATION SLAVE', 'BINLOG MONITOR']],
  ])('finds in %j what is missing on MariaDB', (grants, missing) => {
    expect(missingPrivileges(grants, 'mariadb')).toEqual(missing);
  });

  it('asks MySQL users for what MySQL calls it', () => {
    expect(missingPrivileges(['GRANT USAGE ON *.* TO `u`@`%`'], 'mysql')).toEqual([
      'REPLICATION SLAVE',
      'REPLICATION CLIENT',
    ]);
  });
});

describe('selectRight', () => {
  const right = (
    grants: readonly string[],
    include: readonly string[] = [],
    excluded: readonly string[] = [],
  ) => selectRight(grants, include, (schema) => schema !== 'mysql' && !excluded.includes(schema));

  it.each<[string, readonly string[], readonly string[], unknown]>([
    ['a grant on everything', ['GRANT SELECT ON *.* TO `u`@`%`'], [], { kind: 'all' }],
    ['no grant', ['GRANT USAGE ON *.* TO `u`@`%`'], [], { kind: 'none' }],
    ['one on a schema', ['GRANT SELECT ON `shop`.* TO `u`@`%`'], [], { kind: 'some', places: ['shop.*'] }],
    ['one on all that is captured', ['GRANT SELECT ON `shop`.* TO `u`@`%`'], ['shop.*'], { kind: 'all' }],
    ['one on the captured table', ['GRANT SELECT ON `shop`.`t` TO `u`@`%`'], ['shop.t'], { kind: 'all' }],
    [
      'columns of a table',
      ['GRANT SELECT (`a`, `b`), INSERT ON `shop`.`t` TO `u`@`%`'],
      ['shop.t'],
      { kind: 'all' },
    ],
    [
      'one on less than is captured',
      ['GRANT SELECT ON `shop`.`t` TO `u`@`%`'],
      ['shop.*'],
      { kind: 'some', places: ['shop.t'] },
    ],
    ['a pattern', ['GRANT SELECT ON `sh\\_op%`.* TO `u`@`%`'], ['sh_op2.*'], { kind: 'all' }],
    [
      'a pattern that does not match',
      ['GRANT SELECT ON `sh\\_op`.* TO `u`@`%`'],
      ['shxop.*'],
      { kind: 'some', places: ['sh\\_op.*'] },
    ],
    [
      'what MariaDB gives to everybody',
      ['GRANT SELECT, INSERT ON `test`.* TO PUBLIC', 'GRANT SELECT ON `test\\_%`.* TO PUBLIC'],
      [],
      { kind: 'none' },
    ],
    [
      'a part that was revoked',
      ['GRANT SELECT ON *.* TO `u`@`%`', 'REVOKE SELECT ON `shop`.* FROM `u`@`%`'],
      [],
      { kind: 'some', places: ['*.*', 'not shop.*'] },
    ],
    [
      'a part that was revoked and is never captured',
      ['GRANT SELECT ON *.* TO `u`@`%`', 'REVOKE SELECT ON `mysql`.* FROM `u`@`%`'],
      [],
      { kind: 'all' },
    ],
  ])('reads %s', (_what, grants, include, expected) => {
    expect(right(grants, include)).toEqual(expected);
  });

  it('does not count schemas from which nothing is captured', () => {
    expect(right(['GRANT SELECT ON `other`.* TO `u`@`%`'], [], ['other'])).toEqual({ kind: 'none' });
  });
});

describe('selectPlaces', () => {
  it.each([
    [[], ['*.*']],
    [
      ['shop.*', 'crm.people'],
      ['shop.*', 'crm/people'],
    ],
    [['my_shop.*'], [String.raw`my\_shop.*`]],
    [['shop.t_*', 'shop.u_*'], ['shop.*']],
    [['shop_*.orders'], ['*.*']],
  ])('for %j is no more than what is captured', (include, expected) => {
    expect(selectPlaces(include, (...parts) => parts.join('/'))).toEqual(expected);
  });
});

describe('hasPrivilege', () => {
  it.each([
    [['GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`'], true],
    [['GRANT SELECT, TRIGGER ON `shop`.* TO `u`@`%`'], true],
    [['GRANT TRIGGER ON `sh%`.* TO `u`@`%`'], true],
    [['GRANT TRIGGER ON `shop`.`orders` TO `u`@`%`'], true],
    [['GRANT TRIGGER ON `shop`.`people` TO `u`@`%`', 'GRANT SELECT ON *.* TO `u`@`%`'], false],
    [['GRANT TRIGGER ON *.* TO `u`@`%`', 'REVOKE TRIGGER ON `shop`.* FROM `u`@`%`'], false],
  ])('finds in %j whether triggers of a table are seen', (grants, expected) => {
    expect(hasPrivilege(grants, 'TRIGGER', 'shop', 'orders')).toBe(expected);
  });
});
