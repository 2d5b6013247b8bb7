import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { importsOf } from './imports.js';
import { violations, type Declared } from './layers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const packages = [
  'local-servers',
  'protocol',
  'store',
  'cluster-manager',
  'client-sdk',
  'cli',
  'examples',
  'bench',
];

function readSources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of packages) {
    for (const name of readdirSync(join(root, folder, 'src'), { recursive: true, encoding: 'utf8' })) {
      const path = `${folder}/src/${name.split(sep).join('/')}`;
      if (path.endsWith('.ts')) files.set(path, readFileSync(join(root, path), 'utf8'));
    }
  }
  return files;
}

function readDeclared(): Declared {
  return Object.fromEntries(
    packages.map((folder) => {
      const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
        dependencies?: Record<string, string>;
        peerDependencies?: Record<string, string>;
      };
      return [folder, Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })];
    }),
  );
}

test('the code keeps to its layers', () => {
  const files = readSources();
  expect(files.size).toBeGreaterThan(20);
  expect(violations(files, readDeclared())).toEqual([]);
});

describe('a violation is found:', () => {
  /** Files that may be imported in what follows; each is innocent by itself. */
  const innocent = new Map(
    [
      'protocol/src/index.ts',
      'store/src/index.ts',
      'store/src/store.ts',
      'store/src/clock.ts',
      'store/src/log/transaction-log.ts',
      'store/src/log/keys.ts',
      'store/src/source/capture.ts',
      'store/src/serve/server.ts',
      'client-sdk/src/index.ts',
      'client-sdk/src/client.ts',
      'client-sdk/src/congo/index.ts',
      'client-sdk/src/testing/index.ts',
      'cli/src/main.ts',
    ].map((path) => [path, 'export {};\n']),
  );

  const cases: readonly [title: string, path: string, specifier: string, reason: RegExp][] = [
    [
      'protocol knows nothing of ours',
      'protocol/src/a.ts',
      '@drc/store',
      /protocol does not know @drc\/store/,
    ],
    ['protocol stays small', 'protocol/src/a.ts', 'zod', /protocol depends on msgpackr only/],
    ['the store does not know the SDK', 'store/src/a.ts', '@drc/client-sdk', /does not know/],
    ['nor a part of it', 'store/src/a.ts', '@drc/client-sdk/congo', /does not know @drc\/client-sdk$/],
    ['the SDK does not know the store', 'client-sdk/src/a.ts', '@drc/store', /does not know/],
    ['the manager does not know the store', 'cluster-manager/src/a.ts', '@drc/store', /does not know/],
    ['the SDK stays small', 'client-sdk/src/a.ts', 'pino', /client-sdk depends on/],
    [
      'no path leads into another package',
      'store/src/a.ts',
      '../../protocol/src/index.js',
      /outside of store\/src/,
    ],
    ['zongji lives in source', 'store/src/log/a.ts', '@vlasky/zongji', /zongji lives in/],
    ['mysql2 is not the SDK’s', 'client-sdk/src/a.ts', 'mysql2/promise', /mysql2 lives in/],
    ['level lives in the log', 'store/src/serve/a.ts', 'level', /level lives in/],
    ['ws lives in connection.ts', 'client-sdk/src/session.ts', 'ws', /ws lives in/],
    ['tickets are read in one place', 'store/src/serve/server2.ts', 'jsonwebtoken', /jsonwebtoken lives in/],
    ['msgpack is read in one place', 'protocol/src/chunk.ts', 'msgpackr', /msgpackr lives in/],
    ['the log does not know the source', 'store/src/log/a.ts', '../source/capture.js', /neither who writes/],
    ['the log does not know serving', 'store/src/log/a.ts', '../serve/server.js', /neither who writes/],
    ['the source does not know serving', 'store/src/source/a.ts', '../serve/server.js', /nothing of serving/],
    ['the source knows the log’s class only', 'store/src/source/a.ts', '../log/keys.js', /public class/],
    [
      'serving does not know the source',
      'store/src/serve/a.ts',
      '../source/capture.js',
      /nothing of the source/,
    ],
    ['nobody imports the wiring', 'store/src/a.ts', './store.js', /store.ts is above it/],
    ['congo uses the public entry', 'client-sdk/src/congo/a.ts', '../client.js', /public entry/],
    ['the SDK does not know its test kit', 'client-sdk/src/a.ts', './testing/index.js', /is above it/],
    ['nor does that know the store', 'client-sdk/src/testing/a.ts', '@drc/store', /does not know/],
    ['nor sockets', 'client-sdk/src/testing/a.ts', 'ws', /ws lives in/],
    ['the SDK does not know congo', 'client-sdk/src/a.ts', './congo/index.js', /is above it/],
    ['a file that is not there', 'store/src/a.ts', './nowhere.js', /no such file/],
    ['an undeclared dependency', 'store/src/a.ts', 'left-pad', /does not declare left-pad/],
  ];

  test.each(cases)('%s', (_title, path, specifier, reason) => {
    const declared = Object.fromEntries(
      packages.map((folder) => [folder, specifier === 'left-pad' ? [] : [specifier, packageOf(specifier)]]),
    );
    const files = new Map([...innocent, [path, `import { x } from '${specifier}';\n`]]);
    const found = violations(files, declared);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(reason);
  });

  test('a cycle, also one of types only', () => {
    const files = new Map([
      ['store/src/a.ts', "import { b } from './b.js';\n"],
      ['store/src/b.ts', "export { c } from './c.js';\n"],
      ['store/src/c.ts', "import type { A } from './a.js';\n"],
    ]);
    expect(violations(files)).toEqual([
      'cycle: store/src/a.ts → store/src/b.ts → store/src/c.ts → store/src/a.ts',
    ]);
  });

  test('an import whose module cannot be told', () => {
    const path = 'store/src/a.ts';
    expect(violations(new Map([[path, 'const x = await import(name);\n']]))).toHaveLength(1);
    expect(violations(new Map([[path, "const x = require('ws');\n"]]))).toHaveLength(1);
    expect(violations(new Map([[path, 'import ws from "ws";\n']]))).toHaveLength(1);
  });

  const packageOf = (specifier: string): string =>
    specifier.split('/').slice(0, 2).join('/').replace('mysql2/promise', 'mysql2');
});

test('imports are read in every form, and not from comments', () => {
  const source = [
    "import a from 'a';",
    "import 'b';",
    "import type { c } from 'c';",
    'import {',
    '  d,',
    '  type D,',
    "} from './d.js';",
    "export * from 'e';",
    "export { f } from 'f';",
    "export const text = 'no import';",
    "export type G = import('g').G;",
    "const h = await import('h');",
    "// import i from 'i';",
    '/**',
    " * import { j } from 'j';",
    "import k from 'k';",
    ' */',
    'export function l() {',
    "  return 'from';",
    '}',
    "export const m = { from: 'm' };",
    "export default 'n';",
  ].join('\n');
  const read = importsOf('store/src/x.ts', source).map((one) => one.file ?? one.specifier);
  expect(read).toEqual(['a', 'b', 'c', 'store/src/d.ts', 'e', 'f', 'g', 'h']);
});
