import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareOwnImage } from '../own-image/prepare.ts';
import type { CommandResult, ImageReference } from './clients/client.ts';
import { Podman } from './clients/podman.ts';
import { freePort } from './port.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const offlineSet = fileURLToPath(new URL('../../.nixery/packages', import.meta.url));
const startDeadlineMs = 120_000;

const podman = new Podman();
const obstacle = await podman.available();

let dir: string;
let registry: RegistryServer;
let image: ImageReference;

beforeAll(async () => {
  if (obstacle !== null) return;
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-own-image-'));
  const source = path.join(dir, 'source');
  await prepareOwnImage(source, offlineSet);
  registry = await startRegistry(dir, { NIXERY_PKGS_PATH: source, NIX_TIMEOUT: '600' });
  image = { host: registry.host, name: 'shell/nixery', reference: 'latest' };
  mkdirSync(path.join(dir, 'podman'));
  await podman.start(path.join(dir, 'podman'));
});
afterAll(async () => {
  await podman.stop();
  await registry?.stop();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

test.skipIf(obstacle !== null)(
  'the registry builds an image of itself, which builds images',
  async () => {
    const pulled = await podman.pull(image);
    expect(pulled, pulled.output + registry.logs()).toMatchObject({ code: 0 });

    const packages = path.join(dir, 'packages');
    mkdirSync(packages);
    await prepareTestPackages(packages);
    const port = await freePort();
    const settings = [`PORT=${port}`, 'NIXERY_HOST=127.0.0.1', 'NIXERY_PKGS_PATH=/packages'];
    let ended: CommandResult | undefined;
    const running = podman
      .run(image, ['/bin/env', ...settings, '/bin/nixery'], {
        network: 'host',
        mounts: [{ source: packages, target: '/packages', readOnly: true }],
      })
      .then((result) => (ended = result));

    const url = `http://127.0.0.1:${port}`;
    const started = performance.now();
    while (!(await isHealthy(url))) {
      const waited = performance.now() - started;
      if (ended !== undefined || waited > startDeadlineMs) {
        throw new Error(`it does not serve: ${JSON.stringify(ended)}`);
      }
      await delay(100);
    }
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: true });
    const manifest = await fetch(`${url}/v2/shell/manifests/latest`);
    expect(manifest.status, manifest.ok ? '' : await manifest.text()).toBe(200);

    const inside = await podman.run(image, ['/bin/bash', '-euc', script]);
    expect(inside, inside.stderr).toMatchObject({ code: 0, stdout: 'known\n' });

    await podman.stop();
    await running;
  },
);

/** Nix takes what the image says of its store, the server's own libraries included, and finds it true. */
const script = `
source <(head -n 3 /bin/nixery)
export NIX_CONFIG='build-users-group ='
nix-store --register-validity <"$registration"
[[ $(nix-store --query --requisites "$server") == *-libstdc++6-* ]]
nix-store --verify --check-contents
echo known`;

async function isHealthy(url: string): Promise<boolean> {
  return await fetch(`${url}/healthz`).then(
    (response) => response.ok,
    () => false,
  );
}
