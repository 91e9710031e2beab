import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AWKWARD_PATHS,
  writeAwkwardStore,
  type AwkwardStoreOptions,
} from '../testing/awkward-store.ts';
import { removeReadOnlyTree } from '../testing/private-store.ts';
import { packLayer, packSymlinkLayer } from './pack.ts';
import { SYMLINK_LAYER_VERSION } from './skeleton.ts';
import type { PackedLayer } from './types.ts';

const compression = { format: 'gzip', level: 6 } as const;
const PATH = '/nix/store/00000000000000000000000000000000-package';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixery-pack-'));
});

afterEach(() => removeReadOnlyTree(dir));

function prepareStore(name: string, options?: AwkwardStoreOptions): string {
  const storeDir = join(dir, name);
  mkdirSync(storeDir);
  writeAwkwardStore(storeDir, options);
  return storeDir;
}

let spooled = 0;

function pack(storeDir: string, paths: readonly string[]): PackedLayer {
  const spoolFile = join(dir, `spool-${spooled++}`);
  const result = packLayer({ paths, storeDir, spoolFile, compression });
  if (!result.ok) throw new Error(result.message);
  return result.layer;
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** What these trees' archives are on every machine. A change here changes the digest of every layer there is. */
const GOLDEN = {
  modes: 'sha256:bffc66e2fb753be2cf04d31c73a08de71872c236433a58e450cd3c9f398a546e',
  names: 'sha256:67876c698bc8d123f7de3f37aeb75976fc1b30f8c595b65b7bf765ded4cbf64a',
  links: 'sha256:00d3c1ee20db2b84764e14fb00006cf9ac350296d930ec94662a56d135f7c70d',
  content: 'sha256:7b2e6d0e3a1f1e4b6321991b985543d3fe09787fcd52a49e981d31bbce29c517',
  file: 'sha256:ad68d68fcbcf3319a1d4a5af45e9c9bae838a0db40c2aa30404fc880899a45b5',
  link: 'sha256:a8b0337063e7cf818cae4b53b020dd92815a02354e95462ec5c8d4c2892d185d',
} satisfies Record<keyof typeof AWKWARD_PATHS, string>;

const GOLDEN_TOGETHER = 'sha256:a411fde72c0010a6057644dcebfacf8420ad15ac5d0257da4d0048c0fd936c90';

/** Another digest takes another version: what is known by one key must not be two things. */
const GOLDEN_LINKS = [
  3,
  {
    ok: true,
    layer: { diffId: 'sha256:6c3ff33853239249aa1fd18644c7575f4e5ad8f5456bde1997838d3514596db8' },
  },
];

describe('the same bytes everywhere', () => {
  test.each(Object.entries(GOLDEN))('the archive of %s has its golden digest', (name, golden) => {
    const path = new Map(Object.entries(AWKWARD_PATHS)).get(name) ?? '';
    expect(pack(prepareStore('store'), [path]).diffId).toBe(golden);
  });

  test('several paths in one layer have theirs, in whatever order they are named', () => {
    const storeDir = prepareStore('store');
    const paths = Object.values(AWKWARD_PATHS);
    expect(pack(storeDir, paths).diffId).toBe(GOLDEN_TOGETHER);
    expect(pack(storeDir, paths.toReversed()).diffId).toBe(GOLDEN_TOGETHER);
  });

  test('the links of awkward packages have theirs, in a version of the symlink layer', () => {
    const result = packSymlinkLayer({
      packages: Object.entries(AWKWARD_PATHS).map(([name, path]) => ({ name, path })),
      storeDir: prepareStore('store', { reversed: true }),
      spoolFile: join(dir, 'links'),
      compression,
    });
    expect([SYMLINK_LAYER_VERSION, result]).toMatchObject(GOLDEN_LINKS);
  });

  test('an optimised store, of hard links, gives the same', () => {
    const storeDir = prepareStore('store', { optimised: true });
    expect(pack(storeDir, [AWKWARD_PATHS.content]).diffId).toBe(GOLDEN.content);
  });

  test('folders that list their entries in another order give the same', () => {
    // A memory file system lists them as they were made; most others have an order of their own.
    const memory = mkdtempSync('/dev/shm/nixery-pack-');
    try {
      for (const [name, reversed] of Object.entries({ forth: false, back: true })) {
        mkdirSync(join(memory, name));
        writeAwkwardStore(join(memory, name), { reversed });
        const { diffId } = pack(join(memory, name), Object.values(AWKWARD_PATHS));
        expect(diffId).toBe(GOLDEN_TOGETHER);
      }
      const modes = AWKWARD_PATHS.modes.slice('/nix/store/'.length);
      // Node sorts what it lists, which it does not promise.
      const list = (name: string) => execFileSync('ls', ['-U', join(memory, name, modes)]);
      expect(list('back')).not.toEqual(list('forth'));
    } finally {
      rmSync(memory, { recursive: true });
    }
  });

  test.each([0o000, 0o027, 0o077])('a store written with umask %o gives the same', (umask) => {
    const before = process.umask(umask);
    try {
      const storeDir = prepareStore('store');
      expect(pack(storeDir, Object.values(AWKWARD_PATHS)).diffId).toBe(GOLDEN_TOGETHER);
    } finally {
      process.umask(before);
    }
  });

  test.each([
    { TZ: 'Pacific/Kiritimati', LC_ALL: 'C' },
    { TZ: 'America/St_Johns', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' },
    { TZ: 'UTC', LC_ALL: 'sv_SE.ISO-8859-1', NODE_ICU_DATA: '/nowhere' },
  ])('a process with other settings gives the same: %o', async (environment) => {
    const task = {
      paths: Object.values(AWKWARD_PATHS),
      storeDir: prepareStore('store'),
      spoolFile: join(dir, 'spool'),
      compression,
    };
    const script = `
      const { packLayer } = await import(${JSON.stringify(new URL('pack.ts', import.meta.url).href)});
      console.log(JSON.stringify(packLayer(${JSON.stringify(task)})));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@nixery/source', '--input-type=module', '-e', script],
      { env: { PATH: process.env['PATH'], ...environment } },
    );
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, layer: { diffId: GOLDEN_TOGETHER } });
  });
});

describe('packLayer', () => {
  test('states digests and sizes of what it wrote', () => {
    const layer = pack(prepareStore('store'), Object.values(AWKWARD_PATHS));
    const compressed = readFileSync(layer.spoolFile);
    const archive = gunzipSync(compressed);
    expect(layer).toEqual({
      digest: sha256(compressed),
      diffId: sha256(archive),
      size: compressed.length,
      uncompressedSize: archive.length,
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      spoolFile: layer.spoolFile,
    });
  });

  test('writes a file that only its owner can read', () => {
    const { spoolFile } = pack(prepareStore('store'), [AWKWARD_PATHS.file]);
    expect(statSync(spoolFile).mode & 0o777).toBe(0o600);
  });

  test('compresses as it is told, which changes the digest and not the content', () => {
    const storeDir = prepareStore('store');
    const task = { paths: [AWKWARD_PATHS.names], storeDir };
    const fast = packLayer({
      ...task,
      spoolFile: join(dir, 'fast'),
      compression: { format: 'gzip', level: 1 },
    });
    const small = packLayer({ ...task, spoolFile: join(dir, 'small'), compression });
    if (!fast.ok || !small.ok) throw new Error('not packed');
    expect(fast.layer.diffId).toBe(small.layer.diffId);
    expect(fast.layer.digest).not.toBe(small.layer.digest);
  });

  test('packs the same archive as zstd, labelled as such', () => {
    const storeDir = prepareStore('store');
    const result = packLayer({
      paths: Object.values(AWKWARD_PATHS),
      storeDir,
      spoolFile: join(dir, 'zstd'),
      compression: { format: 'zstd', level: 3 },
    });
    if (!result.ok) throw new Error(result.message);
    const compressed = readFileSync(result.layer.spoolFile);
    expect(result.layer).toMatchObject({
      digest: sha256(compressed),
      diffId: GOLDEN_TOGETHER,
      mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
    });
    expect(sha256(zstdDecompressSync(compressed))).toBe(GOLDEN_TOGETHER);
  });

  test('returns a failure that survives being sent to another thread, and leaves no file', () => {
    mkdirSync(join(dir, PATH.slice('/nix/store/'.length)));
    writeFileSync(join(dir, PATH.slice('/nix/store/'.length), '.wh.foo'), '');
    const spoolFile = join(dir, 'spool');
    const result = packLayer({ paths: [PATH], storeDir: dir, spoolFile, compression });
    expect(structuredClone(result)).toEqual({
      ok: false,
      code: 'whiteout',
      path: `${PATH}/.wh.foo`,
      message: `container runtimes take this file for a whiteout: ${PATH}/.wh.foo`,
    });
    expect(existsSync(spoolFile)).toBe(false);
  });

  test('says which store path is missing', () => {
    const spoolFile = join(dir, 'spool');
    const result = packLayer({ paths: [PATH], storeDir: dir, spoolFile, compression });
    expect(result).toMatchObject({
      ok: false,
      code: 'missing',
      path: join(dir, PATH.slice('/nix/store/'.length)),
    });
    expect(existsSync(spoolFile)).toBe(false);
  });

  test('leaves a file alone that is there already', () => {
    const spoolFile = join(dir, 'spool');
    writeFileSync(spoolFile, 'of another build');
    const storeDir = prepareStore('store');
    const result = packLayer({ paths: [AWKWARD_PATHS.file], storeDir, spoolFile, compression });
    expect(result).toMatchObject({ ok: false, code: 'io', path: spoolFile });
    expect(readFileSync(spoolFile, 'utf8')).toBe('of another build');
  });
});
