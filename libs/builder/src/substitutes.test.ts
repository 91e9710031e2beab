import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { parseImageName } from './image-name.ts';
import { realise, type RealiseResult } from './nix/realise.ts';
import { createHarness, type Harness } from './testing/harness.ts';
import { prepareTestPackages } from './testing/packages.ts';
import { createPrivateStore, type PrivateStore } from './testing/private-store.ts';

describe('realising without building', () => {
  /** A Nix store that is empty but for what the test packages are made of. */
  let store: PrivateStore;
  let packages: string;
  let settings: readonly string[];
  let lines: string[];

  async function derivation(name: string) {
    const expression = `let p = (import ${packages} { system = "x86_64-linux"; }).${name}; in [ p.drvPath p.outPath ]`;
    const { stdout } = await store.nix('nix-instantiate', [
      ...['--eval', '--strict', '--json', '--read-write-mode', '--expr', expression],
    ]);
    const [drvPath = '', outPath = ''] = [...stdout.matchAll(/"([^"]+)"/g)].map(([, path]) => path);
    return { drvPath, outPath, output: 'out' };
  }

  async function ask(...names: readonly string[]): Promise<RealiseResult> {
    lines = [];
    return await realise(
      {
        outputs: await Promise.all(names.map(derivation)),
        substitutesOnly: true,
        rootsDir: join(store.dir, 'roots'),
        env: store.environment(settings),
        derivationTimeoutMs: 60_000,
        deadlineMs: 60_000,
      },
      { onEvent: (event) => lines.push(event.type) },
    );
  }

  beforeAll(async () => {
    store = await createPrivateStore();
    packages = await prepareTestPackages(join(store.dir, 'packages'), { salt: randomUUID() });
    const cache = `file://${store.dir}/binary-cache`;
    settings = ['substitute = true', `substituters = ${cache}`, 'require-sigs = false'];
    const build = ['--no-out-link', packages, '--argstr', 'system', 'x86_64-linux'];
    const built = await store.nix('nix-build', [...build, '-A', 'slow0', '-A', 'sharesA']);
    const copy = ['copy', '--no-check-sigs', '--to', cache, ...built.stdout.trim().split('\n')];
    await store.nix('nix', copy, ['experimental-features = nix-command']);
    await store.nix('nix-store', ['--gc']);
  });
  afterAll(() => store.remove());

  it('fetches from a binary cache what it has, and what that needs', async () => {
    const result = await ask('slow0', 'sharesA');
    if (!result.ok) throw new Error(result.message);
    const names = result.graph.map(({ path }) => path.slice(store.storeDir.length + 34));
    expect(names.toSorted()).toEqual([
      'busybox',
      'shared-library-1.0',
      'shares-a-1.0',
      'slow0-1.0',
    ]);
    expect(lines).not.toContain('build-started');
  });

  it('names all that no binary cache has, though it could be built in no time', async () => {
    const result = await ask('slow0', 'slow1', 'slow2');
    expect(result).toMatchObject({ ok: false, code: 'not-substitutable' });
    expect(result).toMatchObject({
      message: expect.stringMatching(/NIXERY_BUILD=substitutes-only.*: slow1-1\.0, slow2-1\.0$/),
    });
    expect(lines).not.toContain('build-started');
  });

  it('does so where the binary cache cannot be reached, too', async () => {
    settings = ['substitute = true', 'substituters = http://127.0.0.1:9', 'download-attempts = 1'];
    expect(await ask('slow3')).toMatchObject({ ok: false, code: 'not-substitutable' });
  });
});

describe('an image without building', () => {
  let harness: Harness | undefined;
  afterEach(async () => {
    await harness?.stop();
    await harness?.remove();
  });

  it('is made of what the Nix store has, and refused where it has not', async () => {
    harness = await createHarness({}, randomUUID());
    await harness.builder.image(parseImageName('slow0', 'latest'));
    await harness.builder.image(parseImageName('hello', 'latest'));
    await harness.stop();
    harness = await harness.restart({ substitutesOnly: true });
    const record = await harness.builder.image(parseImageName('hello/slow0', 'latest'));
    expect(record.forms.oci?.digest).toMatch(/^sha256:/);
    const built = harness.events.filter((event) => event.type === 'nix');
    expect(built).toEqual([]);
    await expect(harness.builder.image(parseImageName('slow1', 'latest'))).rejects.toMatchObject({
      code: 'not-substitutable',
    });
  });
});
