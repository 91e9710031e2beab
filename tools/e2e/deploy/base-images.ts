import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Namespace } from '../clients/namespace.ts';

const execute = promisify(execFile);
const sources = ['/etc/apt/sources.list', '/etc/apt/sources.list.d/debian.sources'];
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** Images that stand in for Debian's and Node's own, which no registry can be asked for here. */
export const baseImages = {
  BASE: 'localhost/debian',
  BUILD_BASE: 'localhost/debian-node',
} as const;

/** buildah, with the storage that podman has. */
function buildahCommand({ dir }: Namespace): readonly string[] {
  const storage = [`--root=${path.join(dir, 'root')}`, `--runroot=${path.join(dir, 'runroot')}`];
  return ['buildah', ...storage, '--storage-driver=overlay'];
}

export function podmanCommand({ dir }: Namespace): readonly string[] {
  const storage = [`--root=${path.join(dir, 'root')}`, `--runroot=${path.join(dir, 'runroot')}`];
  const host = ['--cgroup-manager=cgroupfs', '--events-backend=file', '--runtime=runc'];
  return ['podman', ...storage, '--storage-driver=overlay', ...host];
}

/** Builds an image. Its steps reach the network: they fetch what they install. */
export async function buildImage(namespace: Namespace, ...args: readonly string[]): Promise<void> {
  const flags = ['--isolation=chroot', '--network=host', '--format=docker', '--layers'];
  await namespace.mustRun([...buildahCommand(namespace), 'bud', ...flags, ...args]);
}

/** Makes both images of this machine's Debian, from the archives that it uses itself, with what it trusts and asks for modules. */
export async function makeBaseImages(namespace: Namespace): Promise<void> {
  const context = path.join(namespace.dir, 'bases');
  await mkdir(context);
  const suite =
    /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  const tar = path.join(context, 'debian.tar');
  await execute('mmdebstrap', ['--variant=minbase', suite, tar, ...sources.filter(existsSync)], {
    maxBuffer: 64 * 1024 * 1024,
  });
  await copyFile(certificates, path.join(context, 'trusted.crt'));
  const { stdout: registry } = await execute('npm', [
    'config',
    'get',
    'registry',
    '--no-workspaces',
  ]);
  const file = [
    'FROM scratch AS debian',
    'ADD debian.tar /',
    'FROM debian',
    'RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm',
    'COPY trusted.crt /trusted.crt',
    `ENV NODE_EXTRA_CA_CERTS=/trusted.crt npm_config_registry=${registry.trim()}`,
  ];
  await writeFile(path.join(context, 'Dockerfile'), `${file.join('\n')}\n`);
  await buildImage(namespace, '--target=debian', `--tag=${baseImages.BASE}`, context);
  await buildImage(namespace, `--tag=${baseImages.BUILD_BASE}`, context);
}
