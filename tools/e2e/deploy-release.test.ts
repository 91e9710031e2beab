import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRegistry } from './server.ts';

const execute = promisify(execFile);
const program = fileURLToPath(new URL('../release/main.ts', import.meta.url));

let dir: string;
let release: string;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-release-'));
  const made = path.join(dir, 'made');
  await execute(process.execPath, [program, made]);
  // Where it was made, and where its modules came from, is not where it runs.
  release = path.join(dir, 'moved');
  renameSync(made, release);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('holds what the server needs, and nothing that serves development', async () => {
  const modules = await readdir(path.join(release, 'node_modules'));
  expect(modules).toEqual(expect.arrayContaining(['express', 'pino', 'zod']));
  expect(modules.filter((name) => /vitest|typescript|playwright|oxlint|^nx$/.test(name))).toEqual(
    [],
  );
  const own = await Promise.all(
    ['apps', 'libs'].map((name) => readdir(path.join(release, name), { recursive: true })),
  );
  const files = own.flat();
  expect(files).toEqual(
    expect.arrayContaining(['registry/dist/main.js', 'builder/nix/evaluate.nix']),
  );
  expect(files.filter((name) => /\.ts$|\.map$|\.test\.|^\w+\/src\b/.test(name))).toEqual([]);
});

test('serves images with its own Node and modules, and stops when it is told', async () => {
  const packages = path.join(dir, 'packages');
  mkdirSync(packages);
  const registry = await startRegistry(
    dir,
    { NIXERY_PKGS_PATH: await prepareTestPackages(packages) },
    [path.join(release, 'bin/node'), path.join(release, 'apps/registry/dist/main.js')],
  );
  try {
    const manifest = await fetch(`${registry.url}/v2/shell/manifests/latest`);
    expect(manifest.status, registry.logs()).toBe(200);
    const page = await fetch(`${registry.url}/`);
    expect(page.status).toBe(200);
    const maps = await readFile(`/proc/${registry.pid}/maps`, 'utf8');
    expect(maps).toContain(path.join(release, 'bin/node'));
  } finally {
    expect(await registry.stop()).toBe(0);
  }
});

test('is not laid out over something else', async () => {
  await expect(execute(process.execPath, [program, release])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not empty'),
  });
});
