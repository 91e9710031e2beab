import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
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
function refusal(
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: unknown; readonly stderr: string }> {
  const options = {
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
    timeout: 60_000,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [entry], options, (error, _stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stderr });
    });
  });
}

/** Command lines of processes that mention this test's folder. */
function processes(): readonly string[] {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(dir) && line.includes('nix-'));
}

describe('a server that cannot start says why, and how to mend it', () => {
  test('all wrong settings at once', async () => {
    const { code, stderr } = await refusal({
      PORT: 'http',
      NIX_TIMEOUT: '-1',
      NIXERY_PKGS_PATH: '',
      NIXERY_PKG_PATH: '/packages',
    });
    expect(code).toBe(78);
    expect(stderr).toMatch(/NIXERY_PKG_PATH is no setting .*NIXERY_PKGS_PATH\?/);
    expect(stderr).toMatch(/PORT must be/);
    expect(stderr).toMatch(/NIX_TIMEOUT must be/);
    expect(stderr).toMatch(/no package source is set/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('Nix is missing', async () => {
    const bin = path.join(dir, 'empty');
    mkdirSync(bin);
    const { code, stderr } = await refusal({ PATH: bin });
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
    const places = await refusal(wrong);
    const withSetting = await refusal({ ...wrong, NIX_TIMEOUT: 'soon' });
    other.close();
    for (const { code, stderr } of [places, withSetting]) {
      expect(code).toBe(78);
      expect(stderr).toContain(`Cannot use the storage folder ${file}: a file is in its way`);
      expect(stderr).toMatch(/the state folder .* cannot be written .* NIXERY_STATE_DIR/);
      expect(stderr).toContain(`port ${port} of 127.0.0.1 is in use`);
    }
    expect(withSetting.stderr).toMatch(/NIX_TIMEOUT must be/);
  });

  test('the popularity counts cannot be read, from a file or from a server, or are none', async () => {
    const counts = path.join(dir, 'counts.json');
    writeFileSync(counts, '["no counts"]');
    const web = createHttpServer((_request, response) => response.writeHead(404).end());
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const address = web.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const expected = [
      [`file://${dir}/absent.json`, 75, /NIX_POPULARITY_URL: cannot be read: file:.*absent\.json/],
      [`file://${counts}`, 78, /NIX_POPULARITY_URL: not an object of counts by name/],
      [`http://user:secret@127.0.0.1:${port}/counts`, 75, /NIX_POPULARITY_URL: .*127\.0\.0\.1/],
    ] as const;
    for (const [url, exitCode, message] of expected) {
      const { code, stderr } = await refusal({ NIX_POPULARITY_URL: url });
      expect(code).toBe(exitCode);
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(/start without the variable/);
      expect(stderr).not.toMatch(/secret|\n\s+at /);
    }
    web.close();
  });

  test('another server has its state folder', async () => {
    const server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    try {
      const { code, stderr } = await refusal({});
      expect(code).toBe(78);
      expect(stderr).toContain('another server uses the state folder');
    } finally {
      await server.stop();
    }
  });
});

test('a server without its folder of packages starts, and says what is missing', async () => {
  const folder = path.join(dir, 'absent');
  const server = await startRegistry(dir, { NIXERY_PKGS_PATH: folder });
  try {
    await expect
      .poll(() => server.logs())
      .toContain(`NIXERY_PKGS_PATH: ${folder}/default.nix cannot be read (ENOENT)`);
    const answer = await fetch(`${server.url}/v2/hello/manifests/latest`);
    expect(answer.status).toBe(429);
  } finally {
    await server.stop();
  }
});

describe('a server that is ended', () => {
  test('answers who waits for it, and leaves no process and no file half-done', async () => {
    const server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    const waiting = fetch(`${server.url}/v2/slow3/manifests/latest`);
    await expect.poll(() => server.logs()).toContain('build started');
    // It would be killed if it waited for the end of the connection, which is kept alive.
    const code = await server.stop();
    expect((await waiting).status, server.logs()).toBe(200);
    expect(code).toBe(0);
    expect(processes()).toEqual([]);
    expect(readdirSync(path.join(dir, 'state', 'spool'))).toEqual([]);
    expect(readdirSync(path.join(dir, 'state', 'roots'))).toEqual([]);
  });

  test('ends builds that nobody waits for', async () => {
    const server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    const leave = new AbortController();
    const waiting = fetch(`${server.url}/v2/slow200/manifests/latest`, { signal: leave.signal });
    await expect.poll(() => processes().length).toBeGreaterThan(0);
    leave.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    // It would be killed if it waited for the build.
    expect(await server.stop()).toBe(0);
    expect(processes()).toEqual([]);
  });

  test('with SIGKILL takes its Nix processes with it, and starts again cleanly', async () => {
    const server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    const waiting = fetch(`${server.url}/v2/slow200/manifests/latest`).catch(() => undefined);
    await expect.poll(() => processes().length).toBeGreaterThan(0);
    process.kill(server.pid ?? 0, 'SIGKILL');
    await waiting;
    await expect.poll(processes).toEqual([]);

    const again = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
    expect(readdirSync(path.join(dir, 'state', 'roots'))).toEqual([]);
    const answer = await fetch(`${again.url}/v2/hello/manifests/latest`);
    expect(answer.status).toBe(200);
    await again.stop();
  });
});
