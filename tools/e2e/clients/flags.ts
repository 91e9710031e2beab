import type { BindMount, PullOptions, PullResult } from './client.ts';
import type { CapturedResult } from './command.ts';

/** `--volume` as podman, buildah and docker take it. */
export function volumeFlags(mounts: readonly BindMount[]): string[] {
  return mounts.flatMap(({ source, target, readOnly = false }) => [
    '--volume',
    `${source}:${target}:${readOnly ? 'ro' : 'rw'}`,
  ]);
}

/** How the container tools (skopeo, podman, buildah) are told of TLS; skopeo prefixes the options. */
export function tlsFlags({ certificates, mirrors }: PullOptions, prefix = ''): string[] {
  // Flags would count for every mirror, whatever the configuration says of each.
  if (mirrors !== undefined) return [];
  return certificates === undefined
    ? [`--${prefix}tls-verify=false`]
    : [`--${prefix}tls-verify=true`, `--${prefix}cert-dir=${certificates}`];
}

/** How podman and buildah are told of mirrors: what their command line begins with. */
export function withMirrors({ mirrors }: PullOptions): string[] {
  return mirrors === undefined ? [] : ['env', `CONTAINERS_REGISTRIES_CONF=${mirrors}`];
}

/**
 * The result of a pull command. Only a pull that succeeded has recorded a digest.
 *
 * @param recorded prints what holds the digest
 */
export async function pullResult(
  { code, output }: CapturedResult,
  recorded: () => Promise<{ readonly stdout: string }>,
): Promise<PullResult> {
  if (code !== 0) return { code, output };
  const { stdout } = await recorded();
  const digest = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0];
  return digest === undefined ? { code, output } : { code, output, digest };
}
