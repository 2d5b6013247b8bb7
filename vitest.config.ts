import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { TotalsReporter } from './test/support/reporter.js';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** `npm run test:soak`. */
const soak = ['test/soak/**/*.test.ts'];

/** `npm run test:faults`. */
const faults = 'test/faults/seeds.test.ts';

/** `scripts/test.mjs --soak` sets it. */
const isLong = process.env['DRC_TEST_LONG'] !== undefined;

/** They go by a seed, or round and round: once shortly in `npm test`, once for long among the soak tests. */
const withLongForm = [
  'test/crash/congo-random.test.ts',
  'test/crash/source.test.ts',
  'test/crash/store-random.test.ts',
  'test/protocol/expression/servers.test.ts',
  'test/protocol/fuzz.test.ts',
  'test/store/log/crash.test.ts',
  'test/store/log/damage.test.ts',
  'test/store/serve/session.test.ts',
  'test/store/source/row-transcoder-malformed.test.ts',
  'test/store/source/row-transcoder-random.test.ts',
];

/** They measure the memory of their own process. */
const alone = [
  'test/client-sdk/credit.test.ts',
  'test/client-sdk/congo/congo.test.ts',
  'test/protocol/fuzz.test.ts',
  'test/protocol/record.test.ts',
  'test/store/source/transaction-payload.test.ts',
];

export default defineConfig({
  resolve: {
    // In-process tests run the sources; processes that tests start run the build.
    alias: [
      { find: '@drc/local-servers', replacement: source('local-servers/src/index.ts') },
      { find: '@drc/protocol', replacement: source('protocol/src/index.ts') },
      { find: '@drc/store', replacement: source('store/src/index.ts') },
      { find: '@drc/cluster-manager', replacement: source('cluster-manager/src/index.ts') },
      { find: '@drc/client-sdk/congo', replacement: source('client-sdk/src/congo/index.ts') },
      { find: '@drc/client-sdk/testing', replacement: source('client-sdk/src/testing/index.ts') },
      { find: '@drc/client-sdk', replacement: source('client-sdk/src/index.ts') },
    ],
  },
  // Lowers `await using`, which Node 20 lacks.
  oxc: { target: 'node20' },
  test: {
    reporters: ['default', new TotalsReporter()],
    setupFiles: ['test/support/orphan.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Elsewhere a test that fails by chance shows at once. Here it is tried again, and named as `flaky` at the end.
    retry: process.env['CI'] === undefined ? 0 : 1,
    // One more than processors: tests wait, too.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        extends: true,
        // One process for many files: starting one and loading what we depend on takes a second each time.
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: [...soak, ...alone, faults],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'alone', include: alone } },
      { extends: true, test: { name: 'faults', include: [faults] } },
      {
        extends: true,
        test: {
          name: 'soak',
          include: [...soak, ...(isLong ? withLongForm : [])],
          testTimeout: 600_000,
        },
      },
    ],
  },
});
