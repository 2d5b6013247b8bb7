import { dirname } from 'node:path/posix';
import { cyclesOf, importsOf, packageName, UnreadableImport, type Import } from './imports.js';

/** A TypeScript source by its path from the repository's root. */
export type SourceFiles = ReadonlyMap<string, string>;

/** Which of our packages each package may import, always by name and never by a path into it. */
const ours: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  'local-servers': [],
  store: ['@drc/protocol'],
  'cluster-manager': ['@drc/protocol'],
  'client-sdk': ['@drc/protocol'],
  cli: ['@drc/protocol', '@drc/store', '@drc/cluster-manager', '@drc/client-sdk'],
  // the demo starts servers, and the commands as processes
  examples: ['@drc/protocol', '@drc/client-sdk', '@drc/local-servers', '@drc/cli'],
  bench: [
    '@drc/protocol',
    '@drc/store',
    '@drc/cluster-manager',
    '@drc/client-sdk',
    '@drc/local-servers',
    '@drc/cli',
  ],
};

/** Packages that stay small: what they may import from elsewhere, beside Node's own modules. */
const smallPackages: Readonly<Record<string, readonly string[]>> = {
  protocol: ['msgpackr'],
  'client-sdk': ['ws', 'msgpackr', 'mysql2'],
};

/** Where a library may be known: files, or folders ending in `/`. */
const homes: Readonly<Record<string, readonly string[]>> = {
  '@vlasky/zongji': ['store/src/source/', 'bench/src/'],
  mysql2: [
    'store/src/source/',
    'store/src/snapshot/snapshot-session.ts',
    'client-sdk/src/congo/',
    'cli/src/',
    'examples/src/',
    'bench/src/',
    'local-servers/src/',
  ],
  level: ['store/src/log/', 'cluster-manager/src/registry/'],
  'classic-level': ['store/src/log/', 'cluster-manager/src/registry/'],
  'abstract-level': ['store/src/log/', 'cluster-manager/src/registry/'],
  'node-zookeeper-client': ['cluster-manager/src/registry/zookeeper-connection.ts'],
  ws: ['store/src/serve/', 'client-sdk/src/connection.ts', 'bench/src/light-reader.ts'],
  jsonwebtoken: ['store/src/serve/authorize.ts', 'cluster-manager/src/tickets.ts'],
  msgpackr: ['protocol/src/codec.ts', 'protocol/src/image-decoder.ts'],
  'prom-client': ['store/src/metrics.ts', 'cluster-manager/src/metrics.ts', 'cli/src/'],
  commander: ['cli/src/'],
  yaml: ['cli/src/'],
  zstddec: ['store/src/source/zstd.ts'],
  'pino-pretty': ['cli/src/'],
};

interface FolderRule {
  readonly folder: string;
  /**
   * Of its own package, the folder itself apart, it may import these and nothing else: files, folders with all they
   * hold (`log/`), files that stand in a folder (`src/*`).
   */
  readonly mayImport: readonly string[];
  readonly reason: string;
}

const folderRules: readonly FolderRule[] = [
  {
    folder: 'store/src/log/',
    mayImport: ['store/src/clock.ts'],
    reason: 'the log knows neither who writes it nor who reads it',
  },
  {
    folder: 'store/src/source/',
    mayImport: ['store/src/log/transaction-log.ts', 'store/src/*'],
    reason: 'capture knows the log by its public class and nothing of serving',
  },
  {
    folder: 'store/src/serve/',
    mayImport: ['store/src/log/', 'store/src/table-copy/', 'store/src/*'],
    reason: 'serving reads the log and knows nothing of the source',
  },
  {
    folder: 'store/src/table-copy/',
    mayImport: ['store/src/snapshot/snapshot-chunk.ts', 'store/src/snapshot/image-key.ts', 'store/src/*'],
    reason: 'what a copy brings is decided by what was read, whoever reads it',
  },
  {
    folder: 'cluster-manager/src/registry/',
    mayImport: ['cluster-manager/src/clock.ts'],
    reason: 'the registry only keeps',
  },
  {
    folder: 'client-sdk/src/congo/',
    mayImport: ['client-sdk/src/index.ts'],
    reason: 'congo uses the SDK by its public entry, as any program would',
  },
];

/** Files that stand above all others of their package: only these may import them. */
const tops: Readonly<Record<string, readonly string[]>> = {
  'store/src/store.ts': ['store/src/index.ts'],
  'store/src/index.ts': [],
  'protocol/src/index.ts': [],
  'cluster-manager/src/index.ts': [],
  'client-sdk/src/index.ts': ['client-sdk/src/congo/'],
  'client-sdk/src/congo/': ['client-sdk/src/congo/'],
  'client-sdk/src/testing/': ['client-sdk/src/testing/'],
};

/** `dependencies` and `peerDependencies` of each package, by folder name. */
export type Declared = Readonly<Record<string, readonly string[]>>;

/** What breaks the layers, one line each; empty where all is well. `declared` left out: dependencies are not checked. */
export function violations(files: SourceFiles, declared?: Declared): string[] {
  const found: string[] = [];
  const imports: Import[] = [];
  for (const [path, source] of files) {
    try {
      imports.push(...importsOf(path, source));
    } catch (error) {
      if (!(error instanceof UnreadableImport)) throw error;
      found.push(error.message);
    }
  }
  for (const one of imports) {
    const reasons = one.file === undefined ? ofPackage(one, declared) : ofFile(one, one.file, files);
    found.push(...reasons.map((reason) => `${one.from} imports ${one.specifier}: ${reason}`));
  }
  return [...found, ...cyclesOf(imports).map((cycle) => `cycle: ${cycle.join(' → ')}`)];
}

const folderOf = (path: string): string => path.slice(0, path.indexOf('/'));

const within = (path: string, places: readonly string[]): boolean =>
  places.some((place) => {
    if (place.endsWith('/*')) return dirname(path) === place.slice(0, -2);
    return place.endsWith('/') ? path.startsWith(place) : path === place;
  });

function ofPackage({ from, specifier }: Import, declared: Declared | undefined): string[] {
  if (specifier.startsWith('node:')) return [];
  const folder = folderOf(from);
  const name = packageName(specifier);
  const reasons: string[] = [];
  if (name.startsWith('@drc/')) {
    if (!ours[folder]?.includes(name)) reasons.push(`${folder} does not know ${name}`);
  } else {
    const small = smallPackages[folder];
    if (small !== undefined && !small.includes(name))
      reasons.push(`${folder} depends on ${small.join(', ')} only`);
    const home = homes[name];
    if (home !== undefined && !within(from, home)) reasons.push(`${name} lives in ${home.join(', ')}`);
  }
  if (declared !== undefined && !declared[folder]?.includes(name))
    reasons.push(`${folder}/package.json does not declare ${name}`);
  return reasons;
}

function ofFile({ from }: Import, file: string, files: SourceFiles): string[] {
  const folder = folderOf(from);
  // The look-up of database programs is shared with the set-up scripts, which must run before any build.
  if (file === 'scripts/servers.mjs' && folder === 'local-servers') return [];
  if (!file.startsWith(`${folder}/src/`)) return [`it lies outside of ${folder}/src`];
  if (!files.has(file)) return ['there is no such file'];
  const reasons: string[] = [];
  for (const rule of folderRules) {
    const leaves = from.startsWith(rule.folder) && !file.startsWith(rule.folder);
    if (leaves && !within(file, rule.mayImport)) reasons.push(rule.reason);
  }
  for (const [top, importers] of Object.entries(tops))
    if (within(file, [top]) && !within(from, importers)) reasons.push(`${top} is above it`);
  return reasons;
}
