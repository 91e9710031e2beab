import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The libraries name their TypeScript sources under this condition. The server under test is the built one all the same.
const conditions = ['@nixery/source'];

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['**/*.test.ts'],
    exclude: process.env['NIXERY_TEST_LONG'] === '1' ? [] : ['**/*.long.test.ts'],
    execArgv: ['--conditions=@nixery/source'],
    pool: 'forks',
    // Real daemons, real builds: one at a time, and slow machines are no failures.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 20_000 } },
    teardownTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: '../test-results/e2e.json' }]],
    passWithNoTests: false,
  },
});
