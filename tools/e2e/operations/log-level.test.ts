import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { caughtUp, countLogged } from '../log-lines.ts';
import { type RegistryServer, startRegistry } from '../server.ts';

let dir: string;
let server: RegistryServer;
beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-log-level-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
});
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function changes(times: number): Promise<void> {
  await expect.poll(() => countLogged(server, 'log level changed')).toBe(times);
}

test('a file in the state folder has the server that runs log more, or less, until it is removed', async () => {
  const file = path.join(dir, 'state', 'log-level');
  await (await fetch(`${server.url}/v2/slow0/manifests/latest`)).arrayBuffer();
  await caughtUp(server);
  expect(countLogged(server, 'nix')).toBe(0);

  writeFileSync(file, 'debug\n');
  await changes(1);
  await (await fetch(`${server.url}/v2/slow1/manifests/latest`)).arrayBuffer();
  await expect.poll(() => countLogged(server, 'nix')).toBeGreaterThan(0);

  writeFileSync(file, 'error');
  await changes(2);
  const requests = countLogged(server, 'request');
  await (await fetch(`${server.url}/v2/`)).arrayBuffer();
  rmSync(file);
  await changes(3);
  expect(countLogged(server, 'request')).toBe(requests);
  await (await fetch(`${server.url}/v2/`)).arrayBuffer();
  await expect.poll(() => countLogged(server, 'request')).toBe(requests + 1);
});
