import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareTestPackages } from './packages.ts';
import { createPrivateStore, type PrivateStore } from './private-store.ts';

let store: PrivateStore;
let source: string;

beforeAll(async () => {
  store = await createPrivateStore();
  source = await prepareTestPackages(join(store.dir, 'packages'));
});

afterAll(() => store.remove());

async function build(attributes: readonly string[], settings: readonly string[] = []) {
  const args = [source, '--no-out-link', ...select(attributes)];
  const { stdout } = await store.nix('nix-build', args, settings);
  return stdout.trim().split('\n');
}

function select(attributes: readonly string[]): string[] {
  return attributes.flatMap((attribute) => ['-A', attribute]);
}

async function evaluate(expression: string, settings: readonly string[] = []): Promise<unknown> {
  const { stdout } = await store.nix(
    'nix-instantiate',
    [
      '--eval',
      '--read-write-mode',
      '--json',
      '--strict',
      '-E',
      `with import ${source} { }; ${expression}`,
    ],
    settings,
  );
  return JSON.parse(stdout);
}

const BUILDABLE = [
  ['bashInteractive', 'coreutils', 'moreutils', 'nano', 'cacert', 'iana-etc'],
  ['hello', 'camelCase', 'caseClash', 'caseclash', '_1digit'],
  ['nested.inner.tool', 'nested.inner.camelTool', 'sharesA', 'sharesB', 'twoOutputs', 'slow0'],
  ['emptyDirs', 'unicodeNames', 'rawNames', 'longNames', 'symlinkLoops', 'whiteout', 'modes'],
  ['collidingManyA', 'collidingManyB'],
  ['singleFile', 'linkedHello', 'collidingA', 'collidingB', 'bringsEtc', 'manyPaths.out', 'large'],
].flat();

describe('test packages', () => {
  test('build offline in a sandbox, and to the same bytes without one', async () => {
    const paths = await build(BUILDABLE, ['sandbox = true']);
    expect(paths).toHaveLength(BUILDABLE.length);
    const again = [source, '--no-out-link', '--check', ...select(BUILDABLE)];
    const { stderr } = await store.nix('nix-build', again, ['sandbox = false']);
    expect(stderr).toContain('checking outputs of');
  });

  test('evaluate with only their own folder allowed', async () => {
    const args = [source, '-I', source, ...select(['hello', 'manyPaths', 'nested.inner.tool'])];
    const { stdout } = await store.nix('nix-instantiate', args, ['restrict-eval = true']);
    expect(stdout).toMatch(/-hello-2\.12\.drv/);
  });

  test('for another system are other store paths, built here all the same', async () => {
    const args = [source, '--no-out-link', '-A', 'hello'];
    const arm = ['--argstr', 'system', 'aarch64-linux'];
    const other = await store.nix('nix-build', [...args, ...arm]);
    const own = await store.nix('nix-build', [...args, '--argstr', 'system', 'x86_64-linux']);
    expect(other.stdout).not.toBe(own.stdout);
  });

  test('run', async () => {
    const programs = { hello: 'hello', twoOutputs: 'two-outputs', sharesA: 'shares-a' };
    const paths = await build(Object.keys(programs));
    const outputs = await Promise.all(
      Object.values(programs).map((name, i) => store.nix(join(paths[i] ?? '', 'bin', name), [])),
    );
    expect(outputs.map(({ stdout }) => stdout)).toEqual([
      'Hello, world!\n',
      'from the other output\n',
      'shared\n',
    ]);
  });

  test('state their main program and licence', async () => {
    expect(await evaluate('[ hello.meta.mainProgram hello.meta.license.spdxId ]')).toEqual([
      'hello',
      'GPL-3.0-or-later',
    ]);
  });

  test('include a closure of 150 store paths', async () => {
    const [path = ''] = await build(['manyPaths.out']);
    const { stdout } = await store.nix('nix-store', ['-qR', path]);
    expect(new Set(stdout.trim().split('\n')).size).toBe(150);
  });

  test('include one of 50 MiB', async () => {
    const [path = ''] = await build(['large']);
    const dir = join(path, 'share', 'large');
    const sizes = (await readdir(dir)).map(async (name) => (await stat(join(dir, name))).size);
    expect((await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)).toBe(50 * 1024 * 1024);
  });

  test('include names that are not UTF-8, and long ones', async () => {
    const [raw = '', long = ''] = await build(['rawNames', 'longNames']);
    const names = await readdir(join(raw, 'share'), { encoding: 'buffer' });
    expect(names.map((name) => name.toString('latin1'))).toContain('caf\u00E9');
    const deep = Array.from({ length: 5 }, () => '7'.padStart(255, '0'));
    expect(await readFile(join(long, 'share', ...deep), 'utf8')).toBe('deep\n');
  });

  test('are built anew for another salt, where they take one', async () => {
    await prepareTestPackages(join(store.dir, 'salted'), { salt: 'another' });
    const args = [join(store.dir, 'salted'), '--no-out-link', ...select(['slow0', 'hello'])];
    const { stdout } = await store.nix('nix-build', args);
    const [slow, hello] = await build(['slow0', 'hello']);
    expect(stdout).not.toContain(slow);
    expect(stdout).toContain(hello);
  });

  test.each([
    ['failing', /failing line 100/],
    ['dependsOnFailing', /-failing-1\.0\.drv' failed/],
    ['failingNoisily', /failing-noisily-1\.0\.drv' failed/],
  ])('%s fails to build', async (attribute, message) => {
    await expect(build([attribute])).rejects.toMatchObject({
      stderr: expect.stringMatching(message),
    });
  });

  test.each([
    ['unfree', 'unfree', /has an unfree license/],
    ['broken', 'broken', /is marked as broken/],
    ['insecure', 'insecure', /is marked as insecure/],
    ['unsupportedPlatform', 'unsupported', /is not available on the requested hostPlatform/],
  ])('%s says so in meta and throws when forced', async (attribute, fact, message) => {
    expect(
      await evaluate(`[ ${attribute}.meta.available ${attribute}.meta.${fact} ${attribute}.name ]`),
    ).toEqual([false, true, expect.any(String)]);
    await expect(evaluate(`${attribute}.outPath`)).rejects.toMatchObject({
      stderr: expect.stringMatching(message),
    });
  });

  test('are allowed by the settings that nixpkgs has for it', async () => {
    const config = `{ allowUnfree = true; allowBroken = true; allowUnsupportedSystem = true;
      permittedInsecurePackages = [ "insecure-1.0" ]; }`;
    const refused = select(['unfree', 'broken', 'insecure', 'unsupportedPlatform']);
    const args = [source, '--no-out-link', '--arg', 'config', config, ...refused];
    const { stdout } = await store.nix('nix-build', args);
    expect(stdout.trim().split('\n')).toHaveLength(4);
  });

  test.each([
    ['renamed', /has been renamed to\/replaced by 'hello'/],
    ['removed', /has been removed/],
    ['aborting', /evaluation aborted with the following error message: 'tests abort'/],
    ['infiniteRecursion', /infinite recursion/],
    ['failsAssertion', /assertion '.*' failed/],
  ])('%s does not evaluate', async (attribute, message) => {
    await expect(evaluate(attribute)).rejects.toMatchObject({
      stderr: expect.stringMatching(message),
    });
  });

  test('include attributes that are no packages', async () => {
    expect(
      await evaluate('map builtins.typeOf [ aFunction aString aNumber aList aNull nested ]'),
    ).toEqual(['lambda', 'string', 'int', 'list', 'null', 'set']);
  });

  test('that read the host are stopped by restrict-eval, and do read it without', async () => {
    const restricted = ['restrict-eval = true', `nix-path = ${source}`];
    expect(await evaluate('readsHost.drvPath')).toMatch(/reads-host/);
    expect(await evaluate('hello.drvPath', restricted)).toMatch(/hello/);
    await expect(evaluate('readsHost.drvPath', restricted)).rejects.toThrow('restricted mode');
  });

  test('that import from a derivation do so unless it is forbidden', async () => {
    expect(await evaluate('importsFromDerivation.name')).toBe('imports-from-derivation-1.0');
    const forbidden = ['allow-import-from-derivation = false'];
    await expect(evaluate('importsFromDerivation.name', forbidden)).rejects.toThrow(
      'allow-import-from-derivation',
    );
  });
});
