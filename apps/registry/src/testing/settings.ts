import { join } from 'node:path';

/**
 * Settings of a server that a test starts: on a free port of 127.0.0.1, with all that is its own below a folder, and packages
 * from the `packages` in it. It makes no index of them for the search, which would keep Nix busy.
 */
export function testSettings(dir: string): Readonly<Record<string, string>> {
  return {
    NIXERY_HOST: '127.0.0.1',
    PORT: '0',
    NIXERY_PKGS_PATH: join(dir, 'packages'),
    STORAGE_PATH: join(dir, 'storage'),
    NIXERY_STATE_DIR: join(dir, 'state'),
    NIXERY_SEARCH: 'off',
  };
}
