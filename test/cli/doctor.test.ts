import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { diagnosisJson, diagnosisText } from '../../cli/src/diagnosis-text.js';
import { type DatabaseServer, startMariadb, startServer } from '../support/database-server.js';
import { onEachServer } from '../support/on-each-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { type Finished, runCommand } from './support/command.js';
import { startDev } from './support/dev-hub.js';

interface Document {
  readonly format: number;
  readonly source: string;
  readonly server: { readonly flavour: string; readonly serverId: number } | null;
  readonly result: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly { name: string; status: string; found: string; fix: string[]; code?: string }[];
}

const env = { DRC_SOURCE_PASSWORD: '' };

const sourceOf = (server: { port: number }, user = 'root'): string[] => [
  '--source',
  `mysql://${user}@127.0.0.1:${server.port}`,
];

const documentIn = ({ stdout, stderr }: Finished): Document => {
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Document;
};

onEachServer('drc doctor', (flavour) => {
  test('prints a table, the steps that mend each fault, and ends with 7; with 0 once they were done', async () => {
    await using source = await startServer(flavour, {
      args: ['--binlog-row-metadata=MINIMAL', '--binlog-row-image=MINIMAL'],
    });
    await using folder = await temporaryFolder('doctor');
    const options = { cwd: folder.path, env };
    const before = await runCommand(['doctor', ...sourceOf(source)], options);
    expect({ code: before.code, stderr: before.stderr }).toEqual({ code: 7, stderr: '' });
    expect(before.stdout).toMatch(/^mysql:\/\/root@127\.0\.0\.1:\d+ {2}\d+\.\d+\.\d+\S*, server id 1\n\n/);
    expect(before.stdout).toMatch(/^ok +binlog_format +ROW$/m);
    expect(before.stdout).toMatch(/^fault +binlog_row_image +MINIMAL \(wanted: FULL\)$/m);
    expect(before.stdout).toMatch(/\n2 faults, \d+ warnings, \d+ ok\.\n$/);
    const faults = before.stdout.split(/^(?=fault: )/m).slice(1);
    expect(faults).toHaveLength(2);
    for (const text of faults) {
      const statement = /^ {4}(SET \w+ binlog_\w+ = .*;)$/m.exec(text)?.[1];
      await source.query(statement!);
    }
    const after = await runCommand(['doctor', ...sourceOf(source)], options);
    expect(after.code).toBe(0);
    expect(after.stdout).not.toContain('fault');
  });
});

describe('drc doctor -o json', () => {
  let source: DatabaseServer;
  beforeAll(async () => {
    source = await startMariadb();
    await source.query(
      'CREATE DATABASE shop; CREATE TABLE shop.t (a INT); CREATE DATABASE crm; CREATE TABLE crm.t (a INT)',
    );
  });
  afterAll(async () => {
    await source?.stop();
  });

  const keyless = (document: Document): string | undefined =>
    document.findings.find(({ name }) => name === 'tables_without_key')?.found;

  it('gives the same as one document of a stable shape', async () => {
    await using folder = await temporaryFolder('doctor');
    const options = { cwd: folder.path, env };
    const finished = await runCommand(
      ['doctor', ...sourceOf(source), '--tables', 'shop.*', '-o', 'json'],
      options,
    );
    expect(finished.code).toBe(0);
    const document = documentIn(finished);
    expect(Object.keys(document)).toEqual([
      'format',
      'source',
      'checkedAt',
      'server',
      'result',
      'counts',
      'findings',
    ]);
    expect(document).toMatchObject({
      format: 1,
      source: `mysql://root@127.0.0.1:${source.port}`,
      server: { flavour: 'mariadb', serverId: 1, uuid: '' },
      result: 'warning',
      counts: { fault: 0, unknown: 0 },
    });
    for (const finding of document.findings)
      expect(Object.keys(finding)).toEqual(['name', 'status', 'found', 'wanted', 'why', 'fix']);
    expect(keyless(document)).toBe('1 table: shop.t');
  });

  it('takes source, tables and retention from a store’s file, and a flag in their place', async () => {
    await using folder = await temporaryFolder('doctor');
    await writeFile(
      folder.file('store.yaml'),
      `topic: shop
directory: ./store
source: { host: 127.0.0.1, port: ${source.port}, user: root, passwordFile: ./source.password }
capture: { exclude: [shop.*] }
log: { retention: 48h }
clusterManagers: [http://127.0.0.1:1]
`,
    );
    await writeFile(folder.file('source.password'), '\n');
    const options = { cwd: folder.path };
    const document = documentIn(await runCommand(['doctor', '-c', 'store.yaml', '-o', 'json'], options));
    expect(keyless(document)).toBe('1 table: crm.t');
    const retention = document.findings.find(({ name }) => name === 'binlog_retention');
    expect(retention).toMatchObject({ wanted: '2 d or more' });
    await writeFile(
      folder.file('hosts.yaml'),
      `topic: shop
directory: ./store
source: { hosts: ['127.0.0.1:${source.port}', '127.0.0.1:1'], user: root, passwordFile: ./source.password }
clusterManagers: [http://127.0.0.1:1]
`,
    );
    const several = await runCommand(['doctor', '-c', 'hosts.yaml'], options);
    expect(several.code).toBe(7);
    expect(several.stdout).toMatch(/^127\.0\.0\.1:\d+ {2}warning .*\n127\.0\.0\.1:1 +fault +1 fault\.\n/);
    expect(several.stdout).toMatch(/^fault +reachable +connect ECONNREFUSED/m);
    const args = ['--retention', '3h', ...sourceOf({ port: 1 }, 'other'), '-o', 'json'];
    const other = await runCommand(['doctor', '-c', 'store.yaml', ...args], { ...options, env });
    expect(other.code).toBe(7);
    expect(documentIn(other).source).toBe('mysql://other@127.0.0.1:1');
  });

  it('looks into the folder of drc dev for the store’s id, and leaves it alone while that runs', async () => {
    await using hub = await startDev(source);
    const ask = async (): Promise<Document['findings'][number] | undefined> => {
      const args = ['doctor', ...sourceOf(source), '--topic', 'shop', '-o', 'json'];
      const document = documentIn(await runCommand(args, { cwd: hub.folder.path, env }));
      return document.findings.find(({ name }) => name === 'store_server_id');
    };
    expect(await ask()).toMatchObject({ status: 'unknown' });
    expect(await hub.command.stop()).toBe(0);
    const free = await ask();
    expect(free?.status).toBe('ok');
    expect(free?.found).toMatch(/^\d{10}; no other/);
  });

  it('calls a source that does not answer, and a wrong password, a fault', async () => {
    await using folder = await temporaryFolder('doctor');
    const away = await runCommand(['doctor', ...sourceOf({ port: 1 }), '-o', 'json'], {
      cwd: folder.path,
      env,
    });
    expect(away.code).toBe(7);
    expect(documentIn(away)).toMatchObject({
      server: null,
      result: 'fault',
      counts: { ok: 0, fault: 1 },
      findings: [{ name: 'reachable', code: 'SOURCE_UNREACHABLE' }],
    });
    const wrong = await runCommand(['doctor', ...sourceOf(source, 'plain')], {
      cwd: folder.path,
      env: { DRC_SOURCE_PASSWORD: 'guess-7f3a' },
    });
    expect(wrong.code).toBe(7);
    expect(wrong.stdout).toContain('fault: reachable: Access denied');
    expect(wrong.stdout + wrong.stderr).not.toContain('guess-7f3a');
  });
});

test.each<[string, string[], RegExp]>([
  ['no source', [], /Name the source/],
  ['no URL', ['--source', 'localhost'], /is not a URL/],
  ['an unknown format', ['--source', 'mysql://u@h', '-o', 'xml'], /Allowed choices are table, json/],
  ['a duration that is none', ['--source', 'mysql://u@h', '--retention', 'long'], /log\.retention/],
  ['a file that is not there', ['--config', 'nowhere.yaml'], /cannot be read/],
])('%s ends drc doctor with exit code 2', async (_what, args, message) => {
  await using folder = await temporaryFolder('doctor');
  const { code, stdout, stderr } = await runCommand(['doctor', ...args], { cwd: folder.path, env });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
});

describe('the text of a diagnosis', () => {
  const diagnosis = {
    address: 'h:3306',
    server: { flavour: 'mariadb', version: '10.11.6-MariaDB', serverId: 7, uuid: '' },
    result: 'fault',
    findings: [
      { name: 'log_bin', status: 'ok', found: 'ON', wanted: 'ON', why: '', fix: [] },
      {
        name: 'binlog_format',
        status: 'fault',
        found: 'MIXED',
        wanted: 'ROW',
        why: 'Why.',
        fix: [
          "SET GLOBAL binlog_format = 'ROW';",
          '[mysqld]\nbinlog_format = ROW',
          'Then this.',
          'And that.',
        ],
        code: 'SOURCE_CONFIG',
      },
      { name: 'role', status: 'unknown', found: 'unknown', wanted: '', why: 'Not asked.', fix: [] },
    ],
  } as const;

  it('has the table first, then what is wrong, the gravest first', () => {
    expect(diagnosisText('u', [diagnosis])).toBe(`mysql://u@h:3306  10.11.6-MariaDB, server id 7

ok       log_bin        ON
fault    binlog_format  MIXED (wanted: ROW)
unknown  role           unknown

fault: binlog_format: MIXED
  Why.

    SET GLOBAL binlog_format = 'ROW';

    [mysqld]
    binlog_format = ROW

  Then this.
  And that.

unknown: role: unknown
  Not asked.

1 fault, 1 not checked, 1 ok.
`);
  });

  it('is one JSON document where that is asked for', () => {
    const { address: _, ...rest } = diagnosis;
    expect(JSON.parse(diagnosisJson('u', [diagnosis], new Date(0)))).toEqual({
      format: 1,
      source: 'mysql://u@h:3306',
      checkedAt: '1970-01-01T00:00:00.000Z',
      ...rest,
      counts: { ok: 1, warning: 0, fault: 1, unknown: 1 },
    });
  });

  it('has a table for each host where there are several, and how each of them does before all', () => {
    const away = {
      address: '[::1]:3307',
      result: 'warning',
      findings: [{ name: 'a', status: 'warning', found: 'b', wanted: '', why: '', fix: [] }],
    } as const;
    const text = diagnosisText('a b', [diagnosis, away]);
    expect(text).toMatch(
      /^h:3306 {5} fault {4}1 fault, 1 not checked, 1 ok\.\n\[::1\]:3307 {2}warning {2}1 warning\.\n\n/,
    );
    expect(text.match(/^mysql:\/\/.*$/gm)).toEqual([
      'mysql://a%20b@h:3306  10.11.6-MariaDB, server id 7',
      'mysql://a%20b@[::1]:3307',
    ]);
    const document = JSON.parse(diagnosisJson('u', [away, diagnosis], new Date(0))) as Record<
      string,
      unknown
    >;
    expect(Object.keys(document)).toEqual(['format', 'checkedAt', 'result', 'hosts']);
    expect(document).toMatchObject({
      result: 'fault',
      hosts: [
        { source: 'mysql://u@[::1]:3307', server: null, counts: { warning: 1 } },
        { source: 'mysql://u@h:3306', counts: { fault: 1 } },
      ],
    });
  });
});
