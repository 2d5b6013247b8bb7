import { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { duration } from '../../../../store/src/source/checks/binlog-retention.js';
import { findingsOf, worst } from '../../../../store/src/source/checks/check-list.js';
import { collationFault, typeFault } from '../../../../store/src/source/checks/column-support.js';
import { isSince, type ServerFacts, type SourceFacts } from '../../../../store/src/source/checks/facts.js';
import type { Finding } from '../../../../store/src/source/checks/finding.js';
import { topology } from '../../../../store/src/source/checks/topology.js';
import { TableFilter } from '../../../../store/src/source/table-filter.js';

type Variables = Readonly<Record<string, string>>;

const right: Readonly<Record<'mariadb' | 'mysql', Variables>> = {
  mariadb: {
    log_bin: 'ON',
    binlog_format: 'ROW',
    binlog_row_image: 'FULL',
    binlog_row_metadata: 'FULL',
    binlog_checksum: 'CRC32',
    gtid_strict_mode: 'ON',
    log_slave_updates: 'OFF',
    sync_binlog: '1',
    server_id: '1',
    max_connections: '151',
  },
  mysql: {
    log_bin: 'ON',
    binlog_format: 'ROW',
    binlog_row_image: 'FULL',
    binlog_row_metadata: 'FULL',
    binlog_checksum: 'CRC32',
    gtid_mode: 'ON',
    log_replica_updates: 'ON',
    sync_binlog: '1',
    server_id: '1',
    max_connections: '151',
  },
};

interface Made extends Partial<Omit<ServerFacts, 'variables'>> {
  readonly variables?: Variables;
}

function facts(made: Made = {}, more: Partial<Omit<SourceFacts, 'server'>> = {}): SourceFacts {
  const { flavour = 'mariadb', variables, ...rest } = made;
  return {
    server: {
      flavour,
      version: flavour === 'mariadb' ? '10.11.6-MariaDB-log' : '8.4.3',
      variables: new Map(Object.entries({ ...right[flavour], ...variables })),
      account: 'repl@%',
      grants: ['GRANT ALL PRIVILEGES ON *.* TO `repl`@`%`'],
      channels: { value: [] },
      binlogFilters: { value: [] },
      connections: { value: 3 },
      clock: { differenceMs: 0, uncertaintyMs: 1 },
      ...rest,
    },
    wishes: { retentionMs: 86_400_000, include: [] },
    ...more,
  };
}

const check = (name: string, source: SourceFacts): Finding | undefined =>
  findingsOf(source, new TableFilter()).find((finding) => finding.name === name);

const refusal = { refusal: new DrcError('SOURCE_PRIVILEGE', 'The connection to the source failed: Denied') };

it.each(['mariadb', 'mysql'] as const)(
  'a %s server with the right settings has nothing to mend',
  (flavour) => {
    const findings = findingsOf(facts({ flavour }), new TableFilter());
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(worst(findings)).toBe('ok');
  },
);

it('every finding that is not ok says why, and each fault has a code and a way out', () => {
  const findings = findingsOf(
    facts({
      version: '10.4.1-MariaDB',
      grants: [],
      channels: refusal,
      binlogFilters: refusal,
      connections: refusal,
      variables: Object.fromEntries(
        Object.keys(right.mariadb).map((name) => [name, name === 'log_bin' ? 'ON' : '0']),
      ),
    }),
    new TableFilter(),
  );
  const bad = findings.filter(({ status }) => status !== 'ok');
  expect(bad.length).toBeGreaterThan(12);
  for (const { name, status, found, wanted, why, fix, code } of bad) {
    expect(why, name).toMatch(/^[A-Z].*[^ ]$/s);
    expect(found, name).not.toBe('');
    if (status !== 'fault') continue;
    expect([wanted, code, fix.length > 0], name).toEqual([
      expect.stringMatching(/./),
      expect.stringMatching(/^[A-Z_]+$/),
      true,
    ]);
  }
  expect(JSON.stringify(bad)).not.toContain('connection to the source failed');
});

describe('version', () => {
  it.each([
    ['mariadb', '10.4.34-MariaDB', 'fault'],
    ['mariadb', '10.5.0-MariaDB', 'ok'],
    ['mariadb', '11.8.2-MariaDB-ubu2404', 'ok'],
    ['mysql', '5.7.44-log', 'fault'],
    ['mysql', '8.0.36', 'ok'],
    ['mysql', '9.7.4-2', 'ok'],
  ] as const)('of %s %s is a %s', (flavour, version, status) => {
    expect(check('version', facts({ flavour, version }))?.status).toBe(status);
  });

  it('is compared number by number', () => {
    const since = (version: string) => isSince({ version }, 8, 0, 22);
    expect(['8.0.21', '8.0.22', '8.0.100', '8.1.0', '7.9.99', '10.0.1'].map(since)).toEqual([
      false,
      true,
      true,
      true,
      false,
      true,
    ]);
  });
});

describe('a setting that the server does not know', () => {
  it('is a fault where it is needed', () => {
    const { server, ...rest } = facts();
    const variables = new Map([...server.variables].filter(([name]) => name !== 'binlog_row_metadata'));
    expect(check('binlog_row_metadata', { ...rest, server: { ...server, variables } })).toMatchObject({
      status: 'fault',
      code: 'SOURCE_CONFIG',
    });
  });

  it('is right where MySQL has dropped the wrong formats', () => {
    const { server, ...rest } = facts({ flavour: 'mysql', version: '10.0.0' });
    const variables = new Map([...server.variables].filter(([name]) => name !== 'binlog_format'));
    expect(check('binlog_format', { ...rest, server: { ...server, variables } })?.status).toBe('ok');
  });
});

describe('gtid_mode', () => {
  const fix = (variables: Variables): readonly string[] =>
    check('gtid_mode', facts({ flavour: 'mysql', variables }))!.fix.filter((step) => step.endsWith(';'));

  it('is set step by step, from where it stands', () => {
    expect(fix({ gtid_mode: 'OFF', enforce_gtid_consistency: 'OFF' })).toEqual([
      "SET PERSIST enforce_gtid_consistency = 'ON';",
      "SET PERSIST gtid_mode = 'OFF_PERMISSIVE';",
      "SET PERSIST gtid_mode = 'ON_PERMISSIVE';",
      "SET PERSIST gtid_mode = 'ON';",
    ]);
    expect(fix({ gtid_mode: 'ON_PERMISSIVE', enforce_gtid_consistency: 'ON' })).toEqual([
      "SET PERSIST gtid_mode = 'ON';",
    ]);
  });
});

describe('log_slave_updates', () => {
  const status = (made: Made): unknown => check('log_slave_updates', facts(made))?.status;

  it('is needed on whatever applies what others write', () => {
    const channel = { from: 'a:3306', running: true, lagSeconds: 0, filters: [] };
    expect(status({})).toBe('ok');
    expect(status({ channels: { value: [channel] } })).toBe('fault');
    expect(status({ variables: { gtid_slave_pos: '0-1-7' } })).toBe('fault');
    expect(status({ variables: { wsrep_on: 'ON' } })).toBe('fault');
    expect(status({ channels: { value: [channel] }, variables: { log_slave_updates: 'ON' } })).toBe('ok');
  });

  it('is not called ok where nobody may say whether the server is a replica', () => {
    expect(status({ channels: refusal })).toBe('unknown');
    expect(status({ channels: refusal, variables: { log_slave_updates: 'ON' } })).toBe('ok');
    expect(status({ channels: refusal, variables: { gtid_slave_pos: '0-1-7' } })).toBe('fault');
  });
});

describe('binlog_retention', () => {
  const finding = (flavour: 'mariadb' | 'mysql', variables: Variables): Finding =>
    check('binlog_retention', facts({ flavour, variables }))!;

  it.each<['mariadb' | 'mysql', Variables, string, string]>([
    ['mariadb', { binlog_expire_logs_seconds: '0', expire_logs_days: '0.000000' }, 'ok', 'never purged'],
    ['mariadb', { expire_logs_days: '0.500000' }, 'warning', '12 h'],
    ['mariadb', { expire_logs_days: '10' }, 'ok', '10 d'],
    ['mysql', { binlog_expire_logs_seconds: '2592000', binlog_expire_logs_auto_purge: 'ON' }, 'ok', '30 d'],
    [
      'mysql',
      { binlog_expire_logs_seconds: '3600', binlog_expire_logs_auto_purge: 'OFF' },
      'ok',
      'never purged',
    ],
    ['mysql', { binlog_expire_logs_seconds: '3600', binlog_expire_logs_auto_purge: 'ON' }, 'warning', '1 h'],
    ['mysql', { binlog_expire_logs_seconds: '86400' }, 'ok', '24 h'],
  ])('on %s with %j is %s: %s', (flavour, variables, status, found) => {
    expect(finding(flavour, variables)).toMatchObject({ status, found });
  });

  it('is mended with the variable that the server has', () => {
    expect(finding('mariadb', { expire_logs_days: '0.5' }).fix).toEqual([
      'SET GLOBAL expire_logs_days = 1;',
      '[mysqld]\nexpire_logs_days = 1',
    ]);
    expect(finding('mysql', { binlog_expire_logs_seconds: '3600' }).fix).toEqual([
      'SET PERSIST binlog_expire_logs_seconds = 86400;',
    ]);
  });

  it('is told in units for people', () => {
    expect([500, 90_000, 5_400_000, 86_400_000, 172_800_000].map(duration)).toEqual([
      '500 ms',
      '1.5 min',
      '1.5 h',
      '24 h',
      '2 d',
    ]);
  });
});

describe('cascading_foreign_keys', () => {
  const tables = { versioned: { value: [] }, cascading: { value: ['shop.orders'] } };
  const status = (made: Made): unknown => check('cascading_foreign_keys', facts(made, { tables }))?.status;

  it('are a loss everywhere but on MySQL from 9.6 on', () => {
    expect(status({})).toBe('warning');
    expect(status({ flavour: 'mysql', version: '8.4.3' })).toBe('warning');
    expect(status({ flavour: 'mysql', version: '9.5.0' })).toBe('warning');
    expect(status({ flavour: 'mysql', version: '9.6.0' })).toBe('ok');
    const native = { innodb_native_foreign_keys: 'ON' };
    expect(status({ flavour: 'mysql', version: '9.7.4', variables: native })).toBe('warning');
  });
});

describe('checks of tables', () => {
  const nothing = { value: [] };
  const tables = { versioned: nothing, keyless: nothing, cascading: nothing, unsupported: nothing };
  const statuses = (made: Made, more = tables): unknown[] =>
    ['columns', 'system_versioned_tables', 'tables_without_key', 'cascading_foreign_keys'].map(
      (name) => check(name, facts(made, { tables: more }))?.status,
    );

  it('are not ok for a user who sees no table', () => {
    expect(statuses({})).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(statuses({ grants: ['GRANT REPLICATION SLAVE ON *.* TO `repl`@`%`'] })).toEqual(
      Array.from({ length: 4 }, () => 'unknown'),
    );
  });

  it('are not ok where the source does not answer', () => {
    const refused = { versioned: refusal, keyless: refusal, cascading: refusal, unsupported: refusal };
    expect(statuses({}, refused as never)).toEqual(Array.from({ length: 4 }, () => 'unknown'));
  });

  it('print statements for a few tables, and not for thousands', () => {
    const names = Array.from({ length: 3_000 }, (_, index) => `shop.t${index}`);
    const finding = check(
      'tables_without_key',
      facts({}, { tables: { ...tables, keyless: { value: names } } }),
    )!;
    expect(finding.found).toMatch(/^3000 tables: shop.t0, .* and 2950 more$/);
    expect(finding.fix).toHaveLength(21);
  });
});

describe('columns', () => {
  it('of types and collations that nobody knows cannot be captured', () => {
    expect([typeFault('VARCHAR'), typeFault('xmltype')]).toEqual([undefined, 'type xmltype']);
    expect([
      collationFault('utf8mb4_0900_ai_ci', 255),
      collationFault('binary', 63),
      collationFault('klingon_ci', 9_999),
      collationFault('klingon_ci', undefined),
    ]).toEqual([undefined, undefined, 'collation klingon_ci', 'collation klingon_ci']);
    const column = { name: 'shop.t.c', reason: 'type xmltype' };
    const tables = { versioned: { value: [] }, unsupported: { value: [column] } };
    expect(check('columns', facts({}, { tables }))).toMatchObject({
      status: 'fault',
      found: 'shop.t.c (type xmltype)',
      code: 'UNSUPPORTED_COLUMN',
    });
  });
});

describe('clock_difference', () => {
  const status = (differenceMs: number, uncertaintyMs: number): unknown =>
    check('clock_difference', facts({ clock: { differenceMs, uncertaintyMs } }))?.status;

  it('is not blamed for a slow answer', () => {
    expect([status(1_900, 0), status(2_500, 0), status(-2_500, 0), status(2_500, 900)]).toEqual([
      'ok',
      'warning',
      'warning',
      'ok',
    ]);
  });
});

it('a binlog inside of a storage engine is refused', () => {
  expect(
    check('binlog_storage_engine', facts({ variables: { binlog_storage_engine: 'innodb' } })),
  ).toMatchObject({
    status: 'fault',
    code: 'SOURCE_CONFIG',
  });
  expect(check('binlog_storage_engine', facts({ variables: { binlog_storage_engine: '' } }))).toBeUndefined();
});

it('a server without an id is refused', () => {
  const source = facts({ flavour: 'mysql', variables: { server_id: '0' } });
  expect(check('server_id', source)).toMatchObject({ status: 'fault' });
});

it('accounts and names are quoted as the server reads them', () => {
  const finding = check('privileges', facts({ grants: [], account: "o'neil@10.0.%" }))!;
  expect(finding.fix).toEqual(["GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'o''neil'@'10.0.%';"]);
});

describe('topology', () => {
  const mysql = (uuid: string, serverId: number) => ({ flavour: 'mysql', uuid, serverId }) as const;
  const mariadb = { flavour: 'mariadb', uuid: '', serverId: 9 } as const;
  const beside = { ...mysql('a', 1), address: 'db1:3306' };

  it.each([
    [mysql('b', 2), 'ok', 'server id 2'],
    [mysql('b', 1), 'fault', 'server id 1, as db1:3306'],
    [mysql('a', 2), 'fault', 'the server_uuid of db1:3306'],
    [mariadb, 'fault', 'mariadb, while db1:3306 is mysql'],
  ] as const)('%j beside another server is %s', (host, status, found) => {
    expect(topology(host, [beside])).toMatchObject({ status, found });
  });
});
