import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createPackageRepository, type PackageRepository } from '@nixery/builder/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { caughtUp, countLogged, logLines } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

let dir: string;
let packages: PackageRepository;
let registry: RegistryServer;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-moving-'));
  packages = await createPackageRepository(path.join(dir, 'packages'));
  await packages.commit(randomUUID());
  registry = await startRegistry(dir, {
    NIXERY_PKGS_REPO: packages.url,
    NIXERY_HOLD_SECONDS: '1',
  });
});
afterAll(async () => {
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('a branch that moves while an image of it is built is one image for all who ask meanwhile', async () => {
  const url = `${registry.url}/v2/slow8/manifests/main`;
  const head = fetch(url, { method: 'HEAD' });
  await expect.poll(() => countLogged(registry, 'build started')).toBe(1);
  await packages.commit(randomUUID());
  const [described, given] = await Promise.all([head, fetch(url)]);
  const digest = given.headers.get('docker-content-digest') ?? '';
  expect(given.status).toBe(200);
  expect(described.headers.get('docker-content-digest')).toBe(digest);

  // As docker and containerd do it.
  const byDigest = await fetch(`${registry.url}/v2/slow8/manifests/${digest}`);
  expect(byDigest.status).toBe(200);
  expect(await byDigest.text()).toBe(await given.text());
  await caughtUp(registry);
  expect(countLogged(registry, 'build started')).toBe(1);
  const sentOn = logLines(registry).filter(({ status }) => status === 307);
  expect(new Set(sentOn.map(({ method }) => method))).toEqual(new Set(['GET', 'HEAD']));
});
