import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root, tool } from './workspace.mjs';

const CASES: readonly (readonly [project: string, imported: string, isAllowed: boolean])[] = [
  ['libs/cache', 'zod', true],
  ['libs/cache', './other.ts', true],
  ['libs/cache', '@nixery/storage', false],
  ['libs/cache', '@nixery/builder/testing', false],
  ['libs/storage', '@nixery/cache', false],
  ['libs/storage', '../../cache/src/index.ts', false],
  ['libs/builder', '@nixery/cache', true],
  ['libs/builder', '@nixery/storage/testing', true],
  ['libs/builder', '@nixery/registry', false],
  ['libs/builder', '@nixery/registry/settings', false],
  ['libs/builder', '@nixery/cache/src/actor.ts', false],
  ['libs/builder', '../../../apps/registry/src/config.ts', false],
  ['apps/registry', '@nixery/builder', true],
  ['apps/registry', '@nixery/builder/testing', true],
  ['apps/registry', '@nixery/builder/layer', false],
  ['apps/registry', '@nixery/builder/src/layer/pack.ts', false],
  ['apps/registry', '../../../libs/cache/dist/actor.js', false],
  ['apps/registry', '../../../tools/setup/run.mjs', false],
];

let workspace: string;
let output: string;

/** A workspace with the same rules, and a file for each case. */
beforeAll(async () => {
  workspace = await mkdtemp(path.join(tmpdir(), 'boundaries-'));
  await copyFile(path.join(root, '.oxlintrc.json'), path.join(workspace, '.oxlintrc.json'));
  for (const [index, [project, imported]] of CASES.entries()) {
    const folder = path.join(workspace, project, 'src');
    await mkdir(folder, { recursive: true });
    const text = `import { it } from '${imported}';\n\nexport const its: unknown = it;\n`;
    await writeFile(path.join(folder, `case-${index}.ts`), text);
  }
  const [node, ...args] = [...tool('oxlint'), '--format=unix'];
  output = await new Promise((resolve) => {
    execFile(node, args, { cwd: workspace }, (_error, stdout) => resolve(stdout));
  });
});
afterAll(async () => {
  await rm(workspace, { recursive: true });
});

test.each(CASES.map((entry, index) => [...entry, index] as const))(
  '%s imports %s: %s',
  (project, _imported, isAllowed, index) => {
    const refused = output
      .split('\n')
      .filter((line) => line.includes(`${project}/src/case-${index}.ts`))
      .map((line) => line.includes('no-restricted-imports'));
    expect(refused).toEqual(isAllowed ? [] : [true]);
  },
);

test('what is refused was looked for', () => {
  expect(output).toContain(`${CASES.filter(([, , isAllowed]) => !isAllowed).length} problems`);
});
