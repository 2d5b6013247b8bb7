import { existsSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseManagerConfig } from '@drc/cluster-manager';
import { isErrorCode } from '@drc/protocol';
import { parseStoreConfig } from '@drc/store';
import { beforeAll, expect, test } from 'vitest';
import { type ConfigParser, readConfig } from '../../cli/src/config-file.js';
import { parseCongoConfig } from '../../cli/src/congo-config.js';
import { parseCongoFile } from '../../cli/src/congo-file.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Block {
  /** The page and the line, for messages. */
  readonly place: string;
  readonly page: string;
  readonly language: string;
  readonly text: string;
}

let pages: ReadonlyMap<string, string>;
let blocks: readonly Block[];

beforeAll(async () => {
  const names = [
    'README.md',
    ...(await readdir(`${root}docs`)).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ];
  pages = new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(root + name, 'utf8')] as const)),
  );
  blocks = [...pages].flatMap(([page, text]) =>
    [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map((match) => ({
      place: `${page}:${text.slice(0, match.index).split('\n').length}`,
      page,
      language: match[1]!,
      text: match[2]!,
    })),
  );
});

const parsers: Readonly<Record<string, ConfigParser<unknown>>> = {
  'cm.yaml': parseManagerConfig,
  'cm-1.yaml': parseManagerConfig,
  'cm-2.yaml': parseManagerConfig,
  'store.yaml': parseStoreConfig,
  'congo.yaml': parseCongoFile,
};

test('every YAML block is a file that its command takes', async () => {
  await using folder = await temporaryFolder('docs');
  const files = blocks.filter(({ language }) => language === 'yaml');
  const seen = new Set<string>();
  for (const { place, text } of files) {
    const name = /^# (\S+)/.exec(text)?.[1] ?? '';
    const parse = parsers[name];
    expect(parse, `${place} begins with the name of a file`).toBeDefined();
    await writeFile(folder.file(name), text);
    await expect(readConfig(folder.file(name), parse!), place).resolves.toBeDefined();
    seen.add(name);
  }
  expect([...seen].toSorted()).toEqual(Object.keys(parsers).toSorted());
});

test('the defaults that operations.md shows for the manager are the defaults', async () => {
  await using folder = await temporaryFolder('docs');
  const text = blocks.find(
    (block) => block.page === 'docs/operations.md' && block.text.startsWith('# cm.yaml'),
  )!.text;
  await writeFile(folder.file('cm.yaml'), text);
  const shown = await readConfig(folder.file('cm.yaml'), parseManagerConfig);
  const { registry } = parseManagerConfig({
    directory: './data/cm',
    registry: {
      zookeeper: {
        servers: ['127.0.0.1:2181', '127.0.0.1:2182'],
        auth: { passwordFile: './zookeeper.password' },
        plaintext: 'allow',
      },
    },
  });
  expect(shown).toEqual({ ...parseManagerConfig({ directory: './data/cm' }), cluster: 'main', registry });
});

test('the YAML of operations.md shows every option that a parser takes', async () => {
  // A setting that is missing there shows as one more key of what the parser makes of nothing but the needed ones.
  const shown = (name: string): string =>
    blocks.find((block) => block.page === 'docs/operations.md' && block.text.startsWith(`# ${name}`))!.text;
  const keys = (value: unknown): string[] =>
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? []
      : Object.entries(value).flatMap(([key, inner]) => [key, ...keys(inner)]);
  const congo = parseCongoConfig({
    task: 't',
    clusterManager: 'http://127.0.0.1:1',
    topic: 's',
    tables: [{ from: 's.t' }],
    target: { user: 'u' },
  });
  const store = parseStoreConfig({
    topic: 's',
    directory: 'd',
    source: { host: 'h', user: 'u' },
    clusterManagers: ['http://127.0.0.1:1'],
  });
  for (const key of keys(congo)) expect(shown('congo.yaml'), key).toContain(`${key}:`);
  for (const key of keys(store)) {
    // Inside they carry their unit, the passwords of a URL aside.
    const written =
      {
        retentionMs: 'retention',
        syncIntervalMs: 'syncInterval',
        reserveBytes: 'reserve',
        seekMarginMs: 'seekMargin',
        ticketGraceMs: 'ticketGrace',
        connectTimeoutMs: 'connectTimeout',
        kind: 'start',
        password: 'passwordFile',
        others: 'hosts',
        rateBytesPerSecond: 'rate',
      }[key] ?? key;
    expect(shown('store.yaml'), key).toContain(`${written}:`);
  }
});

/** What the snippets leave to the reader. */
const givens = `
declare const machineKey: string;
declare const signal: AbortSignal;
declare const clusterManager: string;
declare const credentials: import('@drc/client-sdk').Credentials;
declare const target: import('@drc/client-sdk/congo').CongoOptions['target'];
declare function handle(total: string): Promise<void>;
interface Database { get(sql: string): Promise<string | undefined>; run(sql: string, value: string): Promise<void> }
type CheckpointStore = import('@drc/client-sdk').CheckpointStore;
`;
const shop = "interface Shop { 'shop.orders': { id: bigint; total: string } }\n";

test('every TypeScript block compiles', async () => {
  await using folder = await temporaryFolder('docs');
  const snippets = blocks.filter(({ language }) => language === 'ts');
  expect(snippets.length).toBeGreaterThan(3);
  await symlink(`${root}node_modules`, folder.file('node_modules'));
  await mkdir(folder.file('src'));
  for (const [index, { text, place }] of snippets.entries()) {
    const types = text.includes('interface Shop') || !text.includes('Shop') ? '' : shop;
    await writeFile(
      folder.file('src', `snippet-${index}.ts`),
      `// ${place}\n${givens}${types}${text}\nexport {};\n`,
    );
  }
  await writeFile(folder.file('package.json'), '{ "type": "module" }');
  await writeFile(
    folder.file('tsconfig.json'),
    JSON.stringify({
      extends: `${root}tsconfig.base.json`,
      compilerOptions: {
        noEmit: true,
        composite: false,
        incremental: false,
        declaration: false,
        declarationMap: false,
        types: ['node'],
        typeRoots: [`${root}node_modules/@types`],
        preserveSymlinks: true,
        // A snippet declares what its reader uses.
        noUnusedLocals: false,
      },
      include: ['src'],
    }),
  );
  const tsc = `${root}node_modules/.bin/tsc`;
  await promisify(execFile)(tsc, ['-p', folder.path]).catch((error: unknown) => {
    throw new Error((error as { stdout: string }).stdout);
  });
});

test('every error code and every page that is named exists', () => {
  for (const [page, text] of pages) {
    for (const [, code] of text.matchAll(/`([A-Z][A-Z]+_[A-Z_]+)`/g)) {
      const isOther =
        /^(DRC|CONGO)_/.test(code!) ||
        page === 'docs/protocol.md' ||
        page === 'docs/performance.md' ||
        /_(ROWS|EVENT_TYPE|TRANSFER|GTID)$|^(ROW|BINLOG|GROUP)_/.test(code!);
      if (!isOther) expect(isErrorCode(code), `${page}: ${code}`).toBe(true);
    }
    for (const [, link] of text.matchAll(/\]\(((?!http)[^)#]+)(?:#[^)]*)?\)/g)) {
      const from = page.startsWith('docs/') ? new URL(link!, `file:///docs/`).pathname.slice(1) : link!;
      const exists = pages.has(from) || existsSync(new URL(`../../${from}`, import.meta.url));
      expect(exists, `${page}: ${link}`).toBe(true);
    }
  }
});

test('operations.md names every environment variable and every metric of ours', async () => {
  const text = pages.get('docs/operations.md')!;
  const folders = ['cli/src', 'store/src', 'cluster-manager/src', 'client-sdk/src'];
  const sources = (
    await Promise.all(
      folders.map(async (folder) => {
        const files = (await readdir(root + folder, { recursive: true })).filter((name) =>
          name.endsWith('.ts'),
        );
        return Promise.all(files.map((name) => readFile(`${root}${folder}/${name}`, 'utf8')));
      }),
    )
  ).flat();
  const named = (pattern: RegExp): string[] => [
    ...new Set(sources.flatMap((source) => [...source.matchAll(pattern)].map((match) => match[1]!))),
  ];
  for (const variable of named(/\b((?:DRC|CONGO)_[A-Z_]+)\b/g)) expect(text, variable).toContain(variable);
  const families = [...text.matchAll(/`(drc_\w+?|congo_\w+?|…_\w+?)(?:\{[^}]*\})?`/g)].map((match) =>
    match[1]!.replace('…_', ''),
  );
  const ours = [
    ...named(/'(drc_manager_\w+)'/g),
    ...named(/'(congo_\w+_(?:total|applying|seconds))'/g),
    ...named(/#(?:gauge|counter)\(\s*'(\w+)'/g),
  ];
  expect(ours.length).toBeGreaterThan(20);
  for (const metric of ours)
    expect(
      families.some((family) => family.endsWith(metric) || metric.endsWith(family)),
      metric,
    ).toBe(true);
});
