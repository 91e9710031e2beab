import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { missingCommands } from './clients/command.ts';
import { Namespace } from './clients/namespace.ts';
import { Podman } from './clients/podman.ts';
import { baseImages, buildImage, makeBaseImages, podmanCommand } from './deploy/base-images.ts';
import { deployFolder, installed, minimumStopSeconds } from './deploy/files.ts';
import { freePort } from './port.ts';

const buildDeadlineMs = 25 * 60_000;
const startDeadlineMs = 120_000;
const image = 'localhost/nixery';
const container = 'server';

const obstacle =
  (await new Podman().available()) ??
  missingCommands(['buildah', 'mmdebstrap', 'npm']).map((name) => `not there: ${name}`)[0] ??
  null;

let dir: string;
let namespace: Namespace;

beforeAll(async () => {
  if (obstacle !== null) return;
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-container-'));
  const place = path.join(dir, 'podman');
  mkdirSync(place);
  namespace = await Namespace.create(place);
  await makeBaseImages(namespace);
  const bases = Object.entries(baseImages).map(([name, value]) => `--build-arg=${name}=${value}`);
  const file = `--file=${path.join(deployFolder, 'container/Containerfile')}`;
  await buildImage(namespace, ...bases, file, `--tag=${image}`, path.dirname(deployFolder));
}, buildDeadlineMs);
afterAll(async () => {
  await namespace?.stop();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

async function podman(...args: readonly string[]): Promise<string> {
  const { stdout } = await namespace.mustRun([...podmanCommand(namespace), ...args]);
  return stdout.trim();
}

test.skipIf(obstacle !== null)('the image says what it is', async () => {
  const config = JSON.parse(await podman('image', 'inspect', '--format={{json .Config}}', image));
  expect(config).toMatchObject({
    User: '8080:8080',
    ExposedPorts: { [`${installed.port}/tcp`]: {} },
    Volumes: { '/nix': {}, [installed.home]: {} },
    Entrypoint: ['tini', '--'],
    Cmd: [installed.node, installed.main],
    StopSignal: 'SIGTERM',
  });
});

test.skipIf(obstacle !== null)(
  'it serves as a user without rights, and stops when it is told',
  async () => {
    const packages = path.join(dir, 'packages');
    mkdirSync(packages);
    await prepareTestPackages(packages);
    const port = await freePort();
    await podman(
      ...['run', '--detach', `--name=${container}`, '--network=host', '--no-healthcheck'],
      ...[
        `--cgroup-parent=/${namespace.cgroup}`,
        '--ulimit=nofile=1024:1024',
        '--ulimit=nproc=1024:1024',
      ],
      ...['--read-only', '--tmpfs=/tmp', '--cap-drop=all', '--security-opt=no-new-privileges'],
      ...[
        '--volume=nix:/nix',
        `--volume=data:${installed.home}`,
        `--volume=${packages}:/packages:ro`,
      ],
      ...['--env=NIXERY_PKGS_PATH=/packages', `--env=STORAGE_PATH=${installed.home}/storage`],
      ...[`--env=PORT=${port}`, '--env=NIXERY_HOST=127.0.0.1', image],
    );
    const health = ['exec', container, installed.node, '/opt/nixery/healthcheck.mjs'];
    await untilHealthy(health);

    const url = `http://127.0.0.1:${port}`;
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: true });
    const manifest = await fetch(`${url}/v2/shell/manifests/latest`);
    expect(manifest.status, manifest.ok ? '' : await manifest.text()).toBe(200);

    await podman('stop', `--time=${minimumStopSeconds}`, container);
    expect(await podman('inspect', '--format={{.State.ExitCode}}', container)).toBe('0');
  },
);

test.skipIf(obstacle !== null)('HEALTHCHECK tells where nothing answers', async () => {
  const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024'];
  const check = [installed.node, '/opt/nixery/healthcheck.mjs'];
  const { code } = await namespace.run([
    ...podmanCommand(namespace),
    ...['run', '--rm', '--network=none', `--cgroup-parent=/${namespace.cgroup}`, ...limits],
    ...['--entrypoint', JSON.stringify(check), image],
  ]);
  expect(code).toBe(1);
});

async function untilHealthy(health: readonly string[]): Promise<void> {
  const started = performance.now();
  while ((await namespace.run([...podmanCommand(namespace), ...health])).code !== 0) {
    if (performance.now() - started > startDeadlineMs) {
      throw new Error(`it does not serve:\n${await podman('logs', container)}`);
    }
    await delay(200);
  }
}
