import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './vitest.longest-first.ts';

// The libraries name their TypeScript sources under this condition, so tests run what is on disk, not `dist`.
const conditions = ['@nixery/source'];

// What takes long or much space is in files of its own, for `npm run test:long`.
const longTests = process.env['NIXERY_TEST_LONG'] === '1' ? [] : ['**/*.long.test.ts'];

// How often properties are tried can be told for once; tests that do not mention it need not load fast-check.
const { NIXERY_TEST_RUNS: runs } = process.env;

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/e2e/**', ...longTests],
    execArgv: ['--conditions=@nixery/source'],
    setupFiles: [
      fileURLToPath(new URL('vitest.environment.ts', import.meta.url)),
      ...(runs === undefined
        ? []
        : [fileURLToPath(new URL('vitest.properties.ts', import.meta.url))]),
    ],
    pool: 'forks',
    // By default one fewer than there are cores: most files wait for Nix, for sockets and for timers.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    // Real builds and real threads: a slow machine is no failure, and what hangs is found all the same.
    testTimeout: runs === undefined ? 300_000 : 3_600_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    reporters: ['default', ['json', { outputFile: 'test-results/vitest.json' }]],
    passWithNoTests: false,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['**/*.test.ts'] },
  },
});
