import { realpath } from 'node:fs/promises';

import { BuildError } from '../errors.ts';
import { folderState } from './folder-state.ts';
import type { Refresher } from './refresher.ts';
import type { PackageSource } from './types.ts';

/**
 * A package set in a local folder, read where it is: copying a checkout of nixpkgs into the Nix store at every build would
 * cost seconds. Nix may read this folder and nothing else.
 *
 * @param refresher brings the folder up to date when something of it cannot be built
 */
export function pathSource(path: string, refresher?: Refresher): PackageSource {
  return {
    kind: 'path',
    id: path,
    usesReference: false,
    isMoving: () => true,
    resolve: () => Promise.resolve({ commit: null }),
    // Nix compares real paths with what it may read, so a link (a deployment's `current`) is followed here.
    provide: async () => {
      try {
        return await realpath(path);
      } catch (cause) {
        throw new BuildError('source-unavailable', 'the package set cannot be read', { cause });
      }
    },
    state: () => folderState(path),
    ...(refresher && {
      refresh: (signal, beganAt) => refresher.refresh(signal, beganAt),
    }),
  };
}
