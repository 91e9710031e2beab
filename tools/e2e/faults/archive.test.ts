import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeReadOnlyTree } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { prepareOfflinePackages } from '../../packages/prepare.ts';
import { type Damage, type Mirror, startMirror } from '../../packages/testing/mirror.ts';
import { type RegistryServer, registryEntry, startRegistry } from '../server.ts';

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
const Refusal = z.object({ errors: z.tuple([z.object({ message: z.string() })]) });

const refreshProgram = fileURLToPath(new URL('../../packages/refresh.ts', import.meta.url));

/** Small images, the package of each that the mirror damages, how, and what is said of it. */
const damaged: readonly {
  readonly image: string;
  readonly deb: string;
  readonly damage: Damage;
  readonly said: RegExp;
}[] = [
  { image: 'hello', deb: 'hello', damage: 'other-bytes', said: /not what the package set names/ },
  { image: 'tree', deb: 'tree', damage: 'half', said: /not what the package set names/ },
  { image: 'gnused', deb: 'sed', damage: 'page', said: /not what the package set names/ },
  { image: 'gzip', deb: 'gzip', damage: 'cut', said: /unable to download '.*partial file/ },
];

/** Runs a program with another `/nix` than the host's, which has the files already. */
function withNixFolder(folder: string): readonly string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return ['unshare', ...user, '--mount', 'sh', '-c', 'mount --bind "$0" /nix && exec "$@"', folder];
}

describe('a server whose mirror of Debian serves damaged files', () => {
  let dir: string;
  let mirror: Mirror;
  let server: RegistryServer;

  beforeAll(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'nixery-archive-'));
    mirror = await startMirror();
    const packages = path.join(dir, 'packages');
    await prepareOfflinePackages({
      dir: packages,
      log: () => undefined,
      environment: mirror.environment,
    });
    mkdirSync(path.join(dir, 'nix'));
    server = await startRegistry(
      dir,
      {
        NIXERY_PKGS_PATH: packages,
        NIXERY_PKGS_REFRESH: refreshProgram,
        APT_CONFIG: mirror.environment['APT_CONFIG'],
        NIX_CONFIG: 'build-users-group =',
      },
      [...withNixFolder(path.join(dir, 'nix')), process.execPath, registryEntry],
    );
  });

  afterAll(async () => {
    await server.stop();
    await mirror[Symbol.asyncDispose]();
    await removeReadOnlyTree(dir);
  });

  test('says which, builds nothing of them, and builds all once the mirror serves them whole', async () => {
    mirror.damage(Object.fromEntries(damaged.map(({ deb, damage }) => [deb, damage])));
    await Promise.all(
      damaged.map(async ({ image, deb, said }) => {
        const response = await manifest(image);
        const { errors } = Refusal.parse(await response.json());
        expect({ image, status: response.status }).toEqual({ image, status: 422 });
        expect(errors[0].message).toMatch(new RegExp(`^building ${deb}-\\d.*\\.deb\\.drv failed`));
        expect(errors[0].message).toMatch(said);
      }),
    );
    mirror.damage({});
    for (const { image } of damaged) {
      // A failure is remembered for a minute at most.
      await expect
        .poll(async () => (await manifest(image)).status, { timeout: 180_000, interval: 1_000 })
        .toBe(200);
    }
  });

  async function manifest(image: string): Promise<Response> {
    return await fetch(`${server.url}/v2/${image}/manifests/latest`);
  }
});
