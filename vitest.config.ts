import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { TotalsReporter } from './test/support/reporter.js';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // In-process tests run the sources; processes that tests start run the build.
    alias: [
      { find: '@drc/local-servers', replacement: source('local-servers/src/index.ts') },
      { find: '@drc/protocol', replacement: source('protocol/src/index.ts') },
      { find: '@drc/store', replacement: source('store/src/index.ts') },
      { find: '@drc/cluster-manager', replacement: source('cluster-manager/src/index.ts') },
      { find: '@drc/client-sdk/congo', replacement: source('client-sdk/src/congo/index.ts') },
      { find: '@drc/client-sdk', replacement: source('client-sdk/src/index.ts') },
    ],
  },
  // Lowers `await using`, which Node 20 lacks.
  oxc: { target: 'node20' },
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', new TotalsReporter()],
    setupFiles: ['test/support/orphan.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
