import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { logLines } from '../log-lines.ts';
import { type RegistryServer, startRegistry } from '../server.ts';

/** What `slow0` makes an image of, with what every image has. */
const ATTRIBUTES = ['slow0', 'cacert', 'iana-etc'];

/** A daemon takes binary caches and keys from those whom it trusts: root, unless told. */
const isTrusted = process.getuid?.() === 0;

const run = promisify(execFile);

let dir: string;
let packages: string;
let cache: string;
let publicKey: string;
let registry: RegistryServer | undefined;

async function nix(program: string, args: readonly string[]): Promise<string> {
  return (await run(program, args, { env: nixEnvironment() })).stdout.trim();
}

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-nix-options-'));
  packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  cache = `file://${dir}/cache`;
  const secret = path.join(dir, 'secret');
  const open = path.join(dir, 'public');
  await nix('nix-store', ['--generate-binary-cache-key', 'test-1', secret, open]);
  publicKey = readFileSync(open, 'utf8').trim();
  const build = ['--no-out-link', packages, '--argstr', 'system', 'x86_64-linux'];
  const built = await nix('nix-build', [...build, ...ATTRIBUTES.flatMap((name) => ['-A', name])]);
  const [slow = '', ...others] = built.split('\n');
  const to = ['--no-check-sigs', '--to', `${cache}?secret-key=${secret}`];
  await nix('nix', [
    '--extra-experimental-features',
    'nix-command',
    'copy',
    ...to,
    slow,
    ...others,
  ]);
  await nix('nix-store', ['--delete', slow]);
});
afterEach(async () => {
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function pull(key: string): Promise<Response> {
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: packages,
    // The host's own settings give way.
    NIX_CONFIG: `${nixEnvironment()['NIX_CONFIG'] ?? ''}\nsubstitute = false`,
    NIXERY_BUILD: 'substitutes-only',
    NIXERY_LOG_LEVEL: 'debug',
    NIXERY_NIX_OPTIONS: `--option substitute true --option substituters "${cache}" --option trusted-public-keys '${key}'`,
  });
  return await fetch(`${registry.url}/v2/slow0/manifests/latest`);
}

test.runIf(isTrusted)(
  'an image is made of what a private binary cache has, and nothing is built',
  async () => {
    const answer = await pull(publicKey);
    expect(answer.status, await answer.text()).toBe(200);
    const server = registry ?? { logs: () => '' };
    await expect.poll(() => logLines(server).some(({ msg }) => msg === 'build done')).toBe(true);
    expect(logLines(server).filter(({ type }) => type === 'build-started')).toEqual([]);
  },
);

test.runIf(isTrusted)('what a key has signed that is not trusted is not taken', async () => {
  const answer = await pull(`other-1:${'A'.repeat(43)}=`);
  expect(answer.status).toBe(403);
  expect(await answer.text()).toMatch(/could get from no binary cache: .*slow0/);
});
