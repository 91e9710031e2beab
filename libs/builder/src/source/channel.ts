import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { BuildError } from '../errors.ts';
import { redactSecrets } from '../process/redact.ts';
import type { SourceStore } from './store.ts';
import { COMMIT, type PackageSource, type Revision } from './types.ts';

export interface ChannelSourceOptions {
  /** A branch of nixpkgs, such as `nixos-unstable`, or a commit. */
  readonly channel: string;
  /** Address of the repository on a forge that serves tarballs the way GitHub does. */
  readonly repositoryUrl: string;
  readonly store: SourceStore;
}

/** For the answer to a look-up of what a branch stands for (ms). */
const RESOLVE_DEADLINE_MS = 30_000;
const TAR_BLOCK = 512;

/** A branch or commit of nixpkgs, fetched as a tarball; an image's tag plays no part. */
export function channelSource(options: ChannelSourceOptions): PackageSource {
  const { channel, repositoryUrl, store } = options;
  const pinned = COMMIT.test(channel);
  const archive = `${repositoryUrl.replace(/\/+$/, '')}/archive`;
  return {
    kind: 'channel',
    id: `${repositoryUrl} ${channel}`,
    usesReference: false,
    isMoving: () => !pinned,

    resolve: async (_reference, signal): Promise<Revision> =>
      pinned
        ? { commit: channel }
        : { commit: await commitOfTarball(`${archive}/refs/heads/${channel}.tar.gz`, signal) },

    provide: async ({ commit }, signal): Promise<string> => {
      if (commit === null) throw new TypeError('a channel revision has a commit');
      return await store.obtain(commit, () =>
        store.addTarball(commit, `${archive}/${commit}.tar.gz`, signal),
      );
    },
  };
}

/**
 * The commit that a branch's tarball was made from, read from the tarball's first kilobytes: `git archive` writes it into
 * a pax global header (git-get-tar-commit-id(1)). The rest is not downloaded. It takes neither git nor a forge's API, whose
 * limits a shared address exhausts.
 */
async function commitOfTarball(url: string, signal: AbortSignal): Promise<string> {
  const abort = new AbortController();
  const deadline = AbortSignal.timeout(RESOLVE_DEADLINE_MS);
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([abort.signal, deadline, signal]),
    });
    if (response.status === 404)
      throw unavailable(`there is no such channel: ${redactSecrets(url)}`);
    if (!response.ok || response.body === null) {
      throw unavailable(`the channel's server answered ${response.status}`);
    }
    const commit = readCommit(await firstBytes(Readable.fromWeb(response.body), 2 * TAR_BLOCK));
    if (commit === undefined)
      throw unavailable(`its tarball does not name its commit: ${redactSecrets(url)}`);
    return commit;
  } catch (cause) {
    if (signal.aborted) throw new BuildError('stopping', 'the server is stopping', { cause });
    if (cause instanceof BuildError) throw cause;
    throw unavailable('its server cannot be reached', cause);
  } finally {
    abort.abort();
  }
}

function unavailable(reason: string, cause?: unknown): BuildError {
  return new BuildError('source-unavailable', `the package channel is unavailable: ${reason}`, {
    cause,
  });
}

async function firstBytes(gzipped: Readable, length: number): Promise<Buffer> {
  const gunzip = createGunzip();
  gzipped.on('error', (error) => gunzip.destroy(error));
  gzipped.pipe(gunzip);
  const chunks: Buffer[] = [];
  let have = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      have += chunk.length;
      if (have >= length) break;
    }
  } finally {
    // Its connection is cut on purpose; the error that this makes has nobody to tell.
    gzipped.on('error', () => {});
    gzipped.destroy();
  }
  return Buffer.concat(chunks);
}

/** pax global header: a block of type `g`, then records `<length> <key>=<value>\n` (POSIX.1-2017, pax). */
function readCommit(tar: Buffer): string | undefined {
  const type = String.fromCharCode(tar[156] ?? 0);
  if (type !== 'g') return undefined;
  const records = tar.subarray(TAR_BLOCK).toString('latin1');
  return /^\d+ comment=([0-9a-f]{40})\n/.exec(records)?.[1];
}
