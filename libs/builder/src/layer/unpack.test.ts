import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeOciLayout } from '../testing/oci-layout.ts';
import { prepareTestPackages } from '../testing/packages.ts';
import { createPrivateStore, type PrivateStore } from '../testing/private-store.ts';
import { snapshot } from '../testing/snapshot.ts';
import { packLayer, packSymlinkLayer } from './pack.ts';
import type { PackedLayer } from './types.ts';

/** What Nix itself has put into a store, unpacked from its layer again, compared file by file. */

const run = promisify(execFile);
const compression = { format: 'gzip', level: 1 } as const;

const ATTRIBUTES = [
  ...['hello', 'coreutils', 'cacert', 'emptyDirs', 'unicodeNames', 'rawNames', 'longNames'],
  ...[
    'symlinkLoops',
    'modes',
    'singleFile',
    'linkedHello',
    'bringsEtc',
    'collidingA',
    'collidingB',
  ],
];

let store: PrivateStore;
let closure: string[];
let layers: PackedLayer[];

beforeAll(async () => {
  store = await createPrivateStore();
  const source = await prepareTestPackages(join(store.dir, 'packages'));
  const args = [source, '--no-out-link', ...ATTRIBUTES.flatMap((name) => ['-A', name])];
  const built = (await store.nix('nix-build', args)).stdout.trim().split('\n');
  closure = (await store.nix('nix-store', ['-qR', ...built])).stdout.trim().split('\n');
  await store.nix('nix-store', ['--optimise']);

  const task = { storeDir: store.storeDir, compression };
  const half = Math.ceil(closure.length / 2);
  const results = [
    ...[closure.slice(0, half), closure.slice(half)].map((paths, i) =>
      packLayer({ ...task, paths, spoolFile: join(store.dir, `layer-${i}`) }),
    ),
    packSymlinkLayer({
      ...task,
      packages: built.map((path, i) => ({
        name: ATTRIBUTES[i] ?? '',
        path: `/nix/store/${basename(path)}`,
      })),
      spoolFile: join(store.dir, 'links'),
    }),
  ];
  layers = results.map((result) => {
    if (!result.ok) throw new Error(result.message);
    return result.layer;
  });
});

afterAll(() => store.remove());

/** Every file of the closure by its path in the store. */
function closureBelow(storeDir: string): Map<string, string> {
  const files = closure.flatMap((path) => {
    const name = basename(path);
    return [...snapshot(join(storeDir, name))].map(
      ([file, what]) => [`${name}${file}`, what] as const,
    );
  });
  return new Map(files);
}

test('GNU tar unpacks layers to what the store has', async () => {
  const target = join(store.dir, 'tar');
  mkdirSync(target);
  for (const { spoolFile } of layers) {
    await run('tar', ['-xpf', spoolFile, '-C', target, '--warning=no-unknown-keyword']);
  }
  expect(closureBelow(join(target, 'nix', 'store'))).toEqual(closureBelow(store.storeDir));
});

describe.skipIf(!isInstalled('umoci') || !isInstalled('skopeo'))('container tools', () => {
  test('inspect and unpack an image of the layers', async () => {
    await writeOciLayout(join(store.dir, 'image'), layers);
    const image = `${join(store.dir, 'image')}:latest`;
    const { stdout } = await run('skopeo', ['inspect', `oci:${image}`]);
    expect(JSON.parse(stdout)).toMatchObject({ Layers: layers.map(({ digest }) => digest) });

    const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
    const bundle = join(store.dir, 'bundle');
    await run('umoci', ['unpack', ...rootless, '--image', image, bundle]);
    const root = join(bundle, 'rootfs');
    expect(closureBelow(join(root, 'nix', 'store'))).toEqual(closureBelow(store.storeDir));
    expect(snapshot(join(root, 'tmp')).get('')).toMatch(/^folder 1777 /);
    expect(readlinkSync(join(root, 'bin', 'hello'))).toMatch(/^\/nix\/store\/.*-hello-2\.12\/bin/);
  });
});

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
