import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AWKWARD_PATHS, writeAwkwardStore } from '../testing/awkward-store.ts';
import { removeReadOnlyTree } from '../testing/private-store.ts';
import { readTar, type TarMember } from '../testing/tar-reader.ts';
import { writeStorePaths } from './archive.ts';
import { LayerError } from './error.ts';

const PATH = '/nix/store/00000000000000000000000000000000-package';

let dir: string;
let source: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixery-archive-'));
  source = join(dir, PATH.slice('/nix/store/'.length));
});

afterEach(() => removeReadOnlyTree(dir));

function archive(paths: readonly string[], storeDir = dir): Buffer {
  const chunks: Buffer[] = [];
  writeStorePaths(paths, storeDir, (chunk) => chunks.push(Buffer.from(chunk)));
  return Buffer.concat(chunks);
}

function members(paths: readonly string[]): Map<string, TarMember> {
  return new Map(readTar(archive(paths)).map((member) => [member.path, member]));
}

function failure(paths: readonly string[], storeDir = dir): unknown {
  try {
    return archive(paths, storeDir);
  } catch (error) {
    return error;
  }
}

describe('writeStorePaths', () => {
  test('begins with the folders above, which are writable by their owner', () => {
    mkdirSync(source);
    const [nix, store, path] = readTar(archive([PATH]));
    expect([nix?.path, nix?.mode]).toEqual(['nix/', 0o755]);
    expect([store?.path, store?.mode]).toEqual(['nix/store/', 0o755]);
    expect([path?.path, path?.mode]).toEqual([`${PATH.slice(1)}/`, 0o555]);
  });

  test('writes paths and names in the order of their bytes, a folder before its content', () => {
    writeAwkwardStore(dir);
    const paths = Object.values(AWKWARD_PATHS);
    const written = [...members(paths.toReversed()).keys()];
    const inStoreOrder = paths.map((path) => written.findIndex((w) => w.startsWith(path.slice(1))));
    expect(inStoreOrder).toEqual([...inStoreOrder].sort((a, b) => a - b));
    const root = `${AWKWARD_PATHS.names.slice(1)}/`;
    const names = written
      .filter((path) => path.startsWith(root) && !/^[0-9]/.test(path.slice(root.length)))
      .map((path) => path.slice(root.length));
    expect(names).toEqual(names.toSorted());
    expect(names).toContain('caf\u00E9');
  });

  test('writes a path once that is named twice', () => {
    mkdirSync(source);
    expect(readTar(archive([PATH, PATH]))).toHaveLength(3);
  });

  test('gives files the modes of the Nix store', () => {
    writeAwkwardStore(dir);
    const written = members([AWKWARD_PATHS.modes]);
    const modes = Object.fromEntries(
      [...written].map(([path, { mode }]) => [path.split('/').slice(3).join('/'), mode]),
    );
    expect(modes).toMatchObject({
      '444': 0o444,
      '644': 0o444,
      '600': 0o444,
      '755': 0o555,
      '700': 0o555,
      '100': 0o555,
      '11': 0o444,
      '4755': 0o555,
      '2644': 0o444,
      'private/': 0o555,
    });
  });

  test('writes hard links as files of their own', () => {
    writeAwkwardStore(dir, { optimised: true });
    const written = members([AWKWARD_PATHS.content]);
    for (const name of ['twin-a', 'twin-b']) {
      const twin = written.get(`${AWKWARD_PATHS.content.slice(1)}/${name}`);
      expect([twin?.type, twin?.content.toString()]).toEqual(['file', 'the same twice']);
    }
  });

  test('writes a sparse file in full, and empty folders', () => {
    writeAwkwardStore(dir);
    const root = AWKWARD_PATHS.content.slice(1);
    const written = members([AWKWARD_PATHS.content]);
    expect(written.get(`${root}/sparse`)?.content.length).toBe(3 * 1024 * 1024 + 1);
    expect(written.get(`${root}/empty-folder/`)?.type).toBe('directory');
    expect(written.get(`${root}/nested/empty/`)?.type).toBe('directory');
  });

  test('writes link targets as they are', () => {
    writeAwkwardStore(dir);
    const root = AWKWARD_PATHS.links.slice(1);
    const written = members([AWKWARD_PATHS.links]);
    expect(written.get(`${root}/dangling`)?.target).toBe('/nowhere/at/all');
    expect(written.get(`${root}/raw`)?.target).toBe('caf\u00E9');
    expect(written.get(`${root}/long`)?.target).toBe(`${'../long/'.repeat(40)}end`);
  });

  test('takes store paths that are a file or a link', () => {
    writeAwkwardStore(dir);
    const written = members([AWKWARD_PATHS.file, AWKWARD_PATHS.link]);
    expect(written.get(AWKWARD_PATHS.file.slice(1))?.type).toBe('file');
    expect(written.get(AWKWARD_PATHS.link.slice(1))?.type).toBe('symlink');
  });

  test('is listed by tar without a complaint', () => {
    writeAwkwardStore(dir);
    const input = archive(Object.values(AWKWARD_PATHS));
    // GNU tar takes names as bytes anyway and does not know that one can say so.
    const args = ['--warning=no-unknown-keyword', '-tvf', '-'];
    const { status, stdout, stderr } = spawnSync('tar', args, { input });
    expect([status, stderr.toString()]).toEqual([0, '']);
    expect(stdout.toString()).toMatch(/^-r-xr-xr-x 0\/0 +12 1970-01-01 .*-modes\/755$/m);
  });

  test('hands over chunks of bounded size, however large a file is', () => {
    mkdirSync(source);
    writeFileSync(join(source, 'large'), Buffer.alloc(5_000_000));
    let largest = 0;
    writeStorePaths([PATH], dir, ({ length }) => (largest = Math.max(largest, length)));
    expect(largest).toBe(1024 * 1024);
  });

  test.each([
    ['in a folder', 'share/.wh.foo'],
    ['that hides a whole folder', 'share/.wh..wh..opq'],
  ])('refuses a whiteout %s', (_, name) => {
    mkdirSync(join(source, 'share'), { recursive: true });
    writeFileSync(join(source, name), '');
    expect(failure([PATH])).toMatchObject({ code: 'whiteout', path: `${PATH}/${name}` });
  });

  test('refuses a folder that is named as a whiteout', () => {
    mkdirSync(join(source, '.wh.folder'), { recursive: true });
    expect(failure([PATH])).toMatchObject({ code: 'whiteout' });
  });

  test('takes names that only look like a whiteout', () => {
    mkdirSync(join(source, 'x.wh.y', '.wh'), { recursive: true });
    expect(readTar(archive([PATH]))).toHaveLength(5);
  });

  test('refuses a pipe, without waiting for its other end', () => {
    mkdirSync(source);
    execFileSync('mkfifo', [join(source, 'pipe')]);
    expect(failure([PATH])).toMatchObject({ code: 'unsupported-file', path: `${PATH}/pipe` });
  });

  test('refuses a socket', async () => {
    mkdirSync(source);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(source, 'socket'), resolve));
    const error = failure([PATH]);
    await new Promise((resolve) => server.close(resolve));
    expect(error).toMatchObject({ code: 'unsupported-file' });
  });

  // The kernel's files are longer or shorter than they say, which is how a file that is written to looks.
  test.each([
    ['grows', '/proc/self', 'status'],
    ['shrinks', '/sys/kernel', 'uevent_seqnum'],
  ])('fails on a file that %s while it is read', (_, storeDir, name) => {
    const error = failure([`/nix/store/${name}`], storeDir);
    expect(error).toBeInstanceOf(LayerError);
    expect(error).toMatchObject({ code: 'changed', path: `/nix/store/${name}` });
  });
});
