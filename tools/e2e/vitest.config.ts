import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from '../../vitest.longest-first.ts';

// The libraries name their TypeScript sources under this condition. The server under test is the built one all the same.
const conditions = ['@nixery/source'];

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['**/*.test.ts'],
    exclude: process.env['NIXERY_TEST_LONG'] === '1' ? [] : ['**/*.long.test.ts'],
    execArgv: ['--conditions=@nixery/source'],
    setupFiles: [fileURLToPath(new URL('../../vitest.environment.ts', import.meta.url))],
    pool: 'forks',
    // Half of their time they wait. Each has daemons, ports and folders of its own; what they share is Nix's store, which locks.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Real daemons, real builds: slow machines are no failures.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    teardownTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: '../test-results/e2e.json' }]],
    passWithNoTests: false,
  },
});
