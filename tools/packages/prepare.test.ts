import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { env } from 'node:process';
import { promisify } from 'node:util';

import spdxIds from 'spdx-license-ids/index.json' with { type: 'json' };
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { listsDirectory } from './apt.ts';
import { prepareOfflinePackages } from './prepare.ts';
import { allAttributes } from './testing/attributes.ts';
import { evaluate } from './testing/nix.ts';

/** https://spdx.org/licenses, which has no name for the public domain; what is in nixpkgs' `meta.license`. */
const License = z.looseObject({
  spdxId: z.enum([...spdxIds, 'LicenseRef-PublicDomain']),
  free: z.literal(true),
});

/** https://nixos.org/manual/nixpkgs/stable/#chap-meta */
const Package = z.looseObject({
  name: z.string(),
  pname: z.string().regex(/^[A-Za-z0-9]/),
  version: z.string().regex(/^\d[\w.]*$/),
  meta: z.looseObject({
    description: z.string().regex(/^\S.{8,98}\S$/),
    homepage: z.url().optional(),
    license: z.union([License, z.array(License).min(2)]),
    mainProgram: z
      .string()
      .regex(/^[\w.+-]+$/)
      .optional(),
    platforms: z.array(z.string()),
    available: z.literal(true),
  }),
});

/** What apt has beside its lists for whoever downloads them, which nobody else may read. */
const ofRoot: ReadonlySet<string> = new Set(['lock', 'partial']);

const log = (): void => undefined;
let folder: string;
let set: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offline-prepare-'));
  set = join(folder, 'set');
  // Two at once, as two processes that start together do.
  const options = { dir: set, log };
  await Promise.all([prepareOfflinePackages(options), prepareOfflinePackages(options)]);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a prepared package set', () => {
  test('holds nothing half-made, although two made it at once', async () => {
    expect((await readdir(set)).toSorted()).toEqual([
      'default.nix',
      expect.stringMatching(/^g[0-9a-f]{16}$/),
    ]);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['set', 'set.apt']));
    expect(await readdir(folder)).toHaveLength(2);
  });

  test('is left as it is when nothing has changed', async () => {
    const before = await readFile(join(set, 'default.nix'), 'utf8');
    expect(await prepareOfflinePackages({ dir: set, log })).toEqual({ dir: set, changed: false });
    expect(await readFile(join(set, 'default.nix'), 'utf8')).toBe(before);
  });

  test("is made again when apt's lists have changed", async () => {
    const lists = join(folder, 'lists');
    await cp(await listsDirectory(env), lists, {
      recursive: true,
      preserveTimestamps: true,
      filter: (name) => !ofRoot.has(basename(name)),
    });
    const configuration = join(folder, 'lists.conf');
    await writeFile(configuration, `Dir::State::lists "${lists}/";\n`);
    const dir = join(folder, 'of-lists');
    const options = { dir, log, environment: { ...env, APT_CONFIG: configuration } };
    expect((await prepareOfflinePackages(options)).changed).toBe(true);
    expect((await prepareOfflinePackages(options)).changed).toBe(false);
    await writeFile(join(lists, 'example'), '');
    expect((await prepareOfflinePackages(options)).changed).toBe(true);
  });

  test('is made again, the same, when it is gone', async () => {
    const before = await readFile(join(set, 'default.nix'), 'utf8');
    await rm(set, { recursive: true });
    expect(await prepareOfflinePackages({ dir: set, log })).toEqual({ dir: set, changed: true });
    expect(await readFile(join(set, 'default.nix'), 'utf8')).toBe(before);
  });
});

describe('its attributes', () => {
  test('evaluate with nothing but the set readable, for both targets', async () => {
    const paths = await evaluate(
      set,
      'map (system: (import <nixery-packages> { inherit system; }).git.outPath) [ "x86_64-linux" "aarch64-linux" ]',
    );
    expect(paths).toEqual([
      expect.stringMatching(/^\/nix\/store\/\w{32}-git-[0-9.]+$/),
      expect.stringMatching(/^\/nix\/store\/\w{32}-git-[0-9.]+$/),
    ]);
  });

  test('have the metadata that nixpkgs has', async () => {
    const git = '(import <nixery-packages> { }).git';
    expect(
      await evaluate(set, `with ${git}; { inherit type name pname version meta; }`),
    ).toMatchObject({
      type: 'derivation',
      name: expect.stringMatching(/^git-[0-9.]+$/),
      pname: 'git',
      version: expect.stringMatching(/^[0-9.]+$/),
      meta: {
        description: expect.stringContaining('revision control'),
        homepage: 'https://git-scm.com/',
        license: { spdxId: 'GPL-2.0-only', free: true },
        mainProgram: 'git',
        platforms: ['x86_64-linux', 'aarch64-linux'],
        available: true,
      },
    });
  });

  test.each(['x86_64-linux', 'aarch64-linux'])(
    'of every package say what it is, for %s',
    async (system) => {
      const packages = `[ ${allAttributes.map((path) => `set.${path}`).join(' ')} ]`;
      const expression = `let set = import <nixery-packages> { system = "${system}"; }; in map (p: { inherit (p) name pname version meta; }) ${packages}`;
      const told = z.array(Package).parse(await evaluate(set, expression));
      expect(told).toHaveLength(allAttributes.length);
      const wrong = told.filter(
        ({ name, pname, version, meta }) =>
          name !== `${pname}-${version}` || !meta.platforms.includes(system),
      );
      expect(wrong).toEqual([]);
    },
  );

  test('of packages that the user has under several licences list them', async () => {
    expect(
      await evaluate(set, 'map (l: l.spdxId) (import <nixery-packages> { }).ripgrep.meta.license'),
    ).toEqual(['MIT', 'Unlicense']);
  });

  test('of every package evaluate for both targets', async () => {
    const names = `[ ${allAttributes.map((path) => `set.${path}`).join(' ')} ]`;
    for (const system of ['x86_64-linux', 'aarch64-linux']) {
      const expression = `let set = import <nixery-packages> { system = "${system}"; }; in map (p: p.drvPath) ${names}`;
      const paths = await evaluate(set, expression);
      expect(paths).toHaveLength(allAttributes.length);
    }
  });

  test.each([
    {
      attribute: 'unfree',
      flag: 'unfree',
      message: /has an unfree license/,
      config: '{ allowUnfree = true; }',
    },
    {
      attribute: 'broken',
      flag: 'broken',
      message: /is marked as broken/,
      config: '{ allowBroken = true; }',
    },
    {
      attribute: 'insecure',
      flag: 'insecure',
      message: /is marked as insecure \(an example/,
      config: '{ permittedInsecurePackages = [ "insecure-2.10" ]; }',
    },
    {
      attribute: 'x86Only',
      flag: 'unsupported',
      message: /is not available on ‘aarch64-linux’/,
      config: '{ allowUnsupportedSystem = true; }',
    },
  ])(
    'are refused when $flag, unless configured, with metadata to tell',
    async ({ attribute, flag, message, config }) => {
      const plain = `(import <nixery-packages> { system = "aarch64-linux"; }).examples.${attribute}`;
      expect(await evaluate(set, `${plain}.meta`)).toMatchObject({
        available: false,
        [flag]: true,
      });
      await expect(evaluate(set, `${plain}.drvPath`)).rejects.toThrow(message);
      const allowed = `(import <nixery-packages> { system = "aarch64-linux"; config = ${config}; }).examples.${attribute}`;
      expect(await evaluate(set, `${allowed}.drvPath`)).toMatch(/\.drv$/);
    },
  );

  test('say what they are called now when they were renamed', async () => {
    const renamed = evaluate(set, '(import <nixery-packages> { }).iana_etc.name');
    await expect(renamed).rejects.toThrow("'iana_etc' has been renamed to/replaced by 'iana-etc'");
  });

  test('are refused for a target that Debian has no packages for, by name', async () => {
    await expect(
      evaluate(set, '(import <nixery-packages> { system = "riscv64-linux"; }).git.outPath'),
    ).rejects.toThrow(/no packages for ‘riscv64-linux’; it has x86_64-linux, aarch64-linux/);
  });
});

describe('without what it needs', () => {
  test('says to fetch lists when apt has none', async () => {
    const lists = join(folder, 'empty');
    await mkdir(lists);
    const configuration = join(folder, 'apt.conf');
    await writeFile(configuration, `Dir::State::lists "${lists}";\n`);
    const prepared = prepareOfflinePackages({
      dir: join(folder, 'no-lists'),
      log,
      environment: { ...env, APT_CONFIG: configuration },
    });
    await expect(prepared).rejects.toMatchObject({
      code: 'lists-missing',
      message: expect.stringContaining('apt-get update'),
    });
  });

  test("says so when apt's archives are another distribution's", async () => {
    const prepared = prepareOfflinePackages({
      dir: join(folder, 'foreign'),
      log,
      environment: await foreignApt(join(folder, 'foreign-apt')),
    });
    await expect(prepared).rejects.toMatchObject({
      code: 'unsupported-source',
      message: expect.stringContaining('has those of Other'),
    });
  });

  test('says so when there is no apt', async () => {
    const prepared = prepareOfflinePackages({
      dir: join(folder, 'no-apt'),
      log,
      environment: { PATH: '/nonexistent' },
    });
    await expect(prepared).rejects.toMatchObject({ code: 'apt-missing' });
  });
});

/** An apt that has asked an archive, whose origin is `Other`, and no more. */
async function foreignApt(state: string): Promise<NodeJS.ProcessEnv> {
  const archive = join(state, 'archive');
  await mkdir(join(state, 'lists/partial'), { recursive: true });
  await mkdir(archive);
  const packages = 'Package: a\nVersion: 1\nArchitecture: all\nFilename: ./a.deb\nSize: 1\n\n';
  const sha256 = createHash('sha256').update(packages).digest('hex');
  await writeFile(join(archive, 'Packages'), packages);
  await writeFile(
    join(archive, 'Release'),
    `Origin: Other\nDate: Thu, 01 Jan 1970 00:00:00 UTC\nSHA256:\n ${sha256} ${packages.length} Packages\n`,
  );
  await writeFile(join(state, 'sources.list'), `deb [trusted=yes] file:${archive} ./\n`);
  const configuration = join(state, 'apt.conf');
  await writeFile(
    configuration,
    [
      'APT::Sandbox::User "";',
      `Dir::State "${state}";`,
      `Dir::Cache "${state}/cache";`,
      `Dir::Etc::sourcelist "${state}/sources.list";`,
      'Dir::Etc::sourceparts "/dev/null";',
    ].join('\n'),
  );
  const environment = { ...env, APT_CONFIG: configuration };
  await promisify(execFile)('apt-get', ['update'], { env: environment });
  return environment;
}
