import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startRegistry } from './server.ts';

const entry = path.join(import.meta.dirname, '../../apps/registry/dist/main.js');

let dir: string;
let packages: string;
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-server-'));
  packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** Runs the server where it must refuse to start. */
function refusal(env: Readonly<Record<string, string>>): { code: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [entry], {
    env: {
      PATH: process.env['PATH'],
      HOME: dir,
      NIXERY_HOST: '127.0.0.1',
      PORT: '0',
      NIXERY_PKGS_PATH: packages,
      STORAGE_PATH: path.join(dir, 'storage'),
      NIXERY_STATE_DIR: path.join(dir, 'state'),
      ...env,
    },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, stderr };
}

/** Command lines of processes that mention this test's folder. */
function processes(): readonly string[] {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(dir) && line.includes('nix-'));
}

describe('a server that cannot start says why, and how to mend it', () => {
  test('all wrong settings at once', () => {
    const { code, stderr } = refusal({ PORT: 'http', NIX_TIMEOUT: '-1', NIXERY_PKGS_PATH: '' });
    expect(code).toBe(78);
    expect(stderr).toMatch(/PORT must be/);
    expect(stderr).toMatch(/NIX_TIMEOUT must be/);
    expect(stderr).toMatch(/no package source is set/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('Nix is missing', () => {
    const bin = path.join(dir, 'empty');
    mkdirSync(bin);
    const { code, stderr } = refusal({ PATH: bin });
    expect(code).toBe(78);
    expect(stderr).toMatch(/nix-store cannot be found: .*apt-get install nix-bin/);
  });

  test('the storage path is a file, the state folder cannot be made, the port is taken: all at once', async () => {
    const file = path.join(dir, 'file');
    writeFileSync(file, '');
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const wrong = { STORAGE_PATH: file, NIXERY_STATE_DIR: path.join(file, 'state'), PORT: port };
    const places = refusal(wrong);
    const withSetting = refusal({ ...wrong, NIX_TIMEOUT: 'soon' });
    other.close();
    for (const { code, stderr } of [places, withSetting]) {
      expect(code).toBe(78);
      expect(stderr).toContain(`Cannot use the storage folder ${file}: a file is in its way`);
      expect(stderr).toMatch(/the state folder .* cannot be written .* NIXERY_STATE_DIR/);
      expect(stderr).toContain(`port ${port} of 127.0.0.1 is in use`);
    }
    expect(withSetting.stderr).toMatch(/NIX_TIMEOUT must be/);
  });

  test('another server has its state folder', async () => {
    const server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    try {
      const { code, stderr } = refusal({});
      expect(code).toBe(78);
      expect(stderr).toContain('another server uses the state folder');
    } finally {
      await server.stop();
    }
  });
});

describe('a server that is ended', () => {
  test('answers who waits for it, and leaves no process and no file half-done', async () => {
    const server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    const waiting = fetch(`${server.url}/v2/slow3/manifests/latest`);
    await expect.poll(() => server.logs(), { timeout: 20_000 }).toContain('build started');
    const startedAt = performance.now();
    const code = await server.stop();
    expect((await waiting).status, server.logs()).toBe(200);
    expect(code).toBe(0);
    // The connection was kept alive; it must not be waited for.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(processes()).toEqual([]);
    expect(readdirSync(path.join(dir, 'state', 'spool'))).toEqual([]);
    expect(readdirSync(path.join(dir, 'state', 'roots'))).toEqual([]);
  });

  test('ends builds that nobody waits for', async () => {
    const server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    const leave = new AbortController();
    const waiting = fetch(`${server.url}/v2/slow25/manifests/latest`, { signal: leave.signal });
    await expect.poll(() => processes().length, { timeout: 20_000 }).toBeGreaterThan(0);
    leave.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    const startedAt = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(processes()).toEqual([]);
  });

  test('with SIGKILL takes its Nix processes with it, and starts again cleanly', async () => {
    const server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    const waiting = fetch(`${server.url}/v2/slow25/manifests/latest`).catch(() => undefined);
    await expect.poll(() => processes().length, { timeout: 20_000 }).toBeGreaterThan(0);
    process.kill(server.pid ?? 0, 'SIGKILL');
    await waiting;
    await expect.poll(processes, { timeout: 20_000 }).toEqual([]);

    const again = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    expect(readdirSync(path.join(dir, 'state', 'roots'))).toEqual([]);
    const answer = await fetch(`${again.url}/v2/hello/manifests/latest`);
    expect(answer.status).toBe(200);
    await again.stop();
  });
});
