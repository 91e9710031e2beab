import { arch } from 'node:process';

import { OfflinePackagesError } from './errors.ts';

/** What one processor is called by Debian, Nix and GNU, and where its programs expect the dynamic loader. */
export interface Architecture {
  readonly debian: 'amd64' | 'arm64';
  readonly system: 'x86_64-linux' | 'aarch64-linux';
  /** Multiarch directory: what `dpkg-architecture --query DEB_HOST_MULTIARCH` prints. */
  readonly triplet: string;
  /** Relative to `/usr/lib`. */
  readonly loader: string;
}

/** The targets of the package set. */
export const architectures: readonly [Architecture, Architecture] = [
  {
    debian: 'amd64',
    system: 'x86_64-linux',
    triplet: 'x86_64-linux-gnu',
    loader: 'x86_64-linux-gnu/ld-linux-x86-64.so.2',
  },
  {
    debian: 'arm64',
    system: 'aarch64-linux',
    triplet: 'aarch64-linux-gnu',
    loader: 'aarch64-linux-gnu/ld-linux-aarch64.so.1',
  },
];

/** The architecture of this machine, which unpacks and patches the packages of both. */
export function hostArchitecture(): Architecture {
  const debian = arch === 'x64' ? 'amd64' : arch;
  const found = architectures.find((architecture) => architecture.debian === debian);
  if (found === undefined) {
    throw new OfflinePackagesError(
      'unsupported-host',
      `The offline package set is made on x86_64 or aarch64 machines, not on ${arch}. Configure another package source.`,
    );
  }
  return found;
}
