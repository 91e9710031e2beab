import { fileURLToPath } from 'node:url';

/** The folder `deploy` of the workspace. */
export const deployFolder = fileURLToPath(new URL('../../../deploy', import.meta.url));

/** Where a server is put, and what it is started with there: the same in units, images and manifests. */
export const installed = {
  node: '/opt/nixery/bin/node',
  main: '/opt/nixery/apps/registry/dist/main.js',
  storage: '/opt/nixery/apps/registry/dist/storage.js',
  home: '/var/lib/nixery',
  port: 8080,
} as const;

/** What a server may take to end (s), with a reserve: main.ts gives itself 40. */
export const minimumStopSeconds = 60;
