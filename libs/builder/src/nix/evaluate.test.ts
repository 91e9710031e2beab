import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { evaluationEnvironment } from '../process/environment.ts';
import { nixEnvironment, prepareTestPackages } from '../testing/index.ts';
import { evaluate, type EvaluateResult, type EvaluateTask } from './evaluate.ts';

let dir: string;
let source: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-evaluate-'));
  source = await prepareTestPackages(join(dir, 'packages'));
});
afterAll(() => rm(dir, { recursive: true }));

const NOTHING_ALLOWED = {
  unfree: false,
  broken: false,
  insecure: false,
  unsupportedSystem: false,
};

function ask(names: readonly string[], more: Partial<EvaluateTask> = {}): Promise<EvaluateResult> {
  return evaluate({
    source,
    system: 'x86_64-linux',
    names,
    allow: NOTHING_ALLOWED,
    importFromDerivation: false,
    env: evaluationEnvironment(nixEnvironment()),
    deadlineMs: 60_000,
    ...more,
  });
}

async function attributes(names: readonly string[]): Promise<readonly string[]> {
  const result = await ask(names);
  if (!result.ok) throw new Error(result.message);
  return result.packages.map(({ attribute }) => attribute.join('.'));
}

async function failure(names: readonly string[], more: Partial<EvaluateTask> = {}) {
  const result = await ask(names, more);
  if (result.ok) throw new Error('evaluation succeeded');
  return result;
}

describe('evaluation', () => {
  it('finds packages by name, nested ones too, whatever their case, and those that begin with a digit', async () => {
    const names = ['hello', 'nested.inner.tool', 'camelcase', 'nested.inner.cameltool', '1digit'];
    expect(await attributes(names)).toEqual([
      'hello',
      'nested.inner.tool',
      'camelCase',
      'nested.inner.camelTool',
      '_1digit',
    ]);
  });

  it('prefers the exact name to one that differs by case', async () => {
    expect(await attributes(['caseclash', 'caseClash'])).toEqual(['caseclash', 'caseClash']);
  });

  it('tells what a package is', async () => {
    const result = await ask(['hello', 'twooutputs']);
    expect(result).toMatchObject({
      ok: true,
      packages: [
        {
          requested: 'hello',
          name: 'hello',
          version: '2.12',
          output: 'out',
          licences: ['GPL-3.0-or-later'],
          mainProgram: 'hello',
        },
        { requested: 'twooutputs', output: 'bin' },
      ],
    });
  });

  it('names a package that is not there, with the closest names', async () => {
    const { code, message, problems } = await failure(['helo', 'hello', 'nested.iner']);
    expect(code).toBe('package-not-found');
    expect(problems).toMatchObject([
      { kind: 'not-found', name: 'helo', suggestions: ['hello'] },
      { kind: 'not-found', name: 'nested.iner', suggestions: ['nested.inner'] },
    ]);
    expect(message).toContain('package "helo" was not found; did you mean hello?');
  });

  it('suggests the words that may stand in front of packages, but no word for itself', async () => {
    const { message, problems } = await failure(['shel', 'shell', 'nested.shel']);
    expect(problems).toMatchObject([
      { kind: 'not-found', name: 'shel', suggestions: ['shell'] },
      { kind: 'not-found', name: 'shell', suggestions: [] },
      { kind: 'not-found', name: 'nested.shel', suggestions: [] },
    ]);
    expect(message).toContain(
      '"shell" was not found; to ask for what shell stands for, put it first: shell/…',
    );
  });

  it.each([
    ['a function', 'afunction', /not a package but a function/],
    ['a string', 'astring', /not a package but a string/],
    ['a set', 'nested', /is a set, not a package; name one of its packages, such as nested\.inner/],
    ['a part below a string', 'astring.x', /not a package/],
  ])('says that %s is no package', async (_what, name, expected) => {
    const { code, message } = await failure([name]);
    expect(code).toBe('package-not-found');
    expect(message).toMatch(expected);
    expect(message).not.toContain('recursefor');
  });

  it('names both packages that a lower-case name may mean', async () => {
    const { code, message } = await failure(['mixedcase']);
    expect(code).toBe('package-not-found');
    expect(message).toContain('"mixedcase" may mean any of mixedCase, mixedcasE');
  });

  it.each([
    ['unfree', 'unfree', 'NIXPKGS_ALLOW_UNFREE'],
    ['broken', 'broken', 'NIXPKGS_ALLOW_BROKEN'],
    ['insecure', 'insecure', 'NIXPKGS_ALLOW_INSECURE'],
    ['unsupportedplatform', 'unsupported-system', 'NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM'],
  ])('refuses the package %s and says what allows it', async (name, reason, setting) => {
    const { code, message, problems } = await failure([name]);
    expect(code).toBe('package-refused');
    expect(problems).toMatchObject([{ kind: 'refused', name, reason }]);
    expect(message).toContain(setting);
  });

  it('takes refused packages where they are allowed', async () => {
    const names = ['unfree', 'broken', 'insecure', 'unsupportedplatform'];
    const allow = { unfree: true, broken: true, insecure: true, unsupportedSystem: true };
    expect(await ask(names, { allow })).toMatchObject({ ok: true });
  });

  it.each([
    ['renamed', /has been renamed to/],
    ['removed', /removed/],
    ['failsassertion', /./],
    ['aborting', /aborted/],
    ['infiniterecursion', /infinite recursion/],
  ])('gives the text with which %s fails, whatever else is asked for', async (name, text) => {
    const { code, problems } = await failure(['hello', name, 'camelcase']);
    expect(code).toBe('package-not-found');
    expect(problems).toMatchObject([{ kind: 'throws', name }]);
    expect(inspect(problems)).toMatch(text);
  });

  it('lets a package read neither files of the host nor its environment', async () => {
    const { problems } = await failure(['readshost']);
    expect(inspect(problems)).toMatch(/restricted/);
    const env = { ...evaluationEnvironment(nixEnvironment()), NIXERY_TEST_SECRET: 'hunter2' };
    const result = await ask(['readsenvironment'], { env });
    expect(JSON.stringify(result)).not.toContain('hunter2');
  });

  it('does not build anything to evaluate, unless it is allowed', async () => {
    const { problems } = await failure(['importsfromderivation']);
    expect(problems).toMatchObject([{ kind: 'throws' }]);
    expect(await ask(['importsfromderivation'], { importFromDerivation: true })).toMatchObject({
      ok: true,
    });
  });

  it('takes names for data, never for code', async () => {
    const { code } = await failure([
      'hello"; builtins.readFile "/etc/passwd',
      '${builtins.abort "x"}',
    ]);
    expect(code).toBe('package-not-found');
  });

  it('says so when the package set itself does not evaluate', async () => {
    const { code } = await failure(['hello'], { source: join(dir, 'nothing-here') });
    expect(code).toBe('evaluation-failed');
  });

  it('does not blame the package set for a Nix daemon that is down', async () => {
    const nix = evaluationEnvironment(nixEnvironment());
    const env = { ...nix, NIX_REMOTE: 'daemon', NIX_DAEMON_SOCKET_PATH: join(dir, 'no-socket') };
    const { code, message } = await failure(['hello'], { env });
    expect(code).toBe('internal');
    expect(message).toContain('no-socket');
  });

  it('ends when its time is over', async () => {
    const { code } = await failure(['hello'], { deadlineMs: 1 });
    expect(code).toBe('deadline');
  });
});
