import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RegistryServer, startRegistry } from '../e2e/server.ts';

const execute = promisify(execFile);

/** Resident memory of a server (bytes). */
export interface ServerMemory {
  readonly atRest: number;
  readonly peak: number;
}

/**
 * Memory of the built server while an image is asked of it whose one large layer it has to pack, store and describe.
 *
 * @param files of 100 MB, half random, half zeros: what the layer holds
 * @param compression as NIXERY_COMPRESSION takes it
 */
export async function serverMemory(files: number, compression: string): Promise<ServerMemory> {
  const dir = await mkdtemp(join(tmpdir(), 'nixery-bench-server-'));
  const packages = await prepareTestPackages(join(dir, 'packages'));
  await writeFile(join(packages, 'default.nix'), expression(files));
  try {
    const registry = await startRegistry(dir, {
      NIXERY_PKGS_PATH: packages,
      NIXERY_COMPRESSION: compression,
      NIX_TIMEOUT: '3600',
      NIXERY_BUILD_TIMEOUT: '7200',
    });
    try {
      return await measure(registry);
    } finally {
      await registry.stop();
    }
  } finally {
    const arguments_ = [packages, '-A', 'large', '--no-out-link'];
    const { stdout } = await execute('nix-build', arguments_, { env: nixEnvironment() });
    await execute('nix-store', ['--delete', stdout.trim()], { env: nixEnvironment() });
    await rm(dir, { recursive: true });
  }
}

async function measure(registry: RegistryServer): Promise<ServerMemory> {
  const pid = registry.pid ?? 0;
  // Threads and code that the first image takes, whatever its size.
  await pull(registry, 'small');
  const atRest = await statusOf(pid, 'VmRSS');
  // https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
  await writeFile(`/proc/${pid}/clear_refs`, '5');
  await pull(registry, 'large');
  return { atRest, peak: await statusOf(pid, 'VmHWM') };
}

async function pull(registry: RegistryServer, name: string): Promise<void> {
  const response = await fetch(`${registry.url}/v2/${name}/manifests/latest`);
  const body = await response.text();
  if (!response.ok) throw new Error(`${name}: ${response.status} ${body}`);
}

/** @returns bytes */
async function statusOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kib = ''] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  return Number(kib) * 1024;
}

function expression(files: number): string {
  return `{ ... }:
let
  busybox = "\${./busybox}/busybox";
  path = name: script: derivation {
    inherit name;
    system = builtins.currentSystem or "x86_64-linux";
    builder = busybox;
    allowSubstitutes = false;
    preferLocalBuild = true;
    args = [ "sh" "-euc" "PATH=; mkdir -p $out/bin; \${script}; exit 0" ];
  };
in
{
  small = path "small" ": > $out/bin/small";
  cacert = path "cacert" ": > $out/bin/cacert";
  iana-etc = path "iana-etc" ": > $out/bin/iana-etc";
  large = path "large" ''
    head -c 50000000 /dev/urandom > $out/0
    head -c 50000000 /dev/zero >> $out/0
    i=1
    while [ $i -lt ${files} ]; do cat $out/0 > $out/$i; i=$((i + 1)); done'';
}
`;
}
