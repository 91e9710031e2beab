import { expect, test } from 'vitest';

import { neededFolders, parseLock } from './lock.ts';

const lock = parseLock(
  JSON.stringify({
    packages: {
      '': { workspaces: ['apps/*', 'libs/*'], devDependencies: { linter: '1' } },
      'apps/server': { dependencies: { library: '1', http: '2' }, devDependencies: { types: '1' } },
      'libs/library': {
        dependencies: { http: '1' },
        optionalDependencies: { fast: '1', 'other-platform': '1' },
      },
      'node_modules/library': { link: true, resolved: 'libs/library' },
      'libs/library/node_modules/http': { version: '1' },
      'node_modules/http': { version: '2', dependencies: { shared: '1', nested: '1' } },
      'node_modules/http/node_modules/nested': { version: '1', peerDependencies: { shared: '1' } },
      'node_modules/fast': { optional: true, dependencies: { http: '2' } },
      'node_modules/nested': { version: '2' },
      'node_modules/shared': { version: '1', dependencies: { http: '2' } },
      'node_modules/linter': { dev: true },
      'node_modules/types': { dev: true },
    },
  }),
);

test('a project needs what its dependencies need, each from the nearest folder', () => {
  expect(neededFolders(lock, 'apps/server')).toEqual([
    'apps/server',
    'libs/library',
    'libs/library/node_modules/http',
    'node_modules/fast',
    'node_modules/http',
    'node_modules/http/node_modules/nested',
    'node_modules/shared',
  ]);
});

test('a project without dependencies needs itself', () => {
  expect(neededFolders(lock, 'node_modules/linter')).toEqual(['node_modules/linter']);
});

test('what is no package-lock.json is refused', () => {
  expect(() => parseLock('{"lockfileVersion": 1, "dependencies": {}}')).toThrow(/packages/);
});
