import { defineConfig } from 'vitest/config';

// The libraries name their TypeScript sources under this condition, so tests run what is on disk, not `dist`.
const conditions = ['@nixery/source'];

// What takes long or much space is in files of its own, for `npm run test:long`.
const longTests = process.env['NIXERY_TEST_LONG'] === '1' ? [] : ['**/*.long.test.ts'];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/e2e/**', ...longTests],
    execArgv: ['--conditions=@nixery/source'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: 'test-results/vitest.json' }]],
    passWithNoTests: false,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['**/*.test.ts'] },
  },
});
