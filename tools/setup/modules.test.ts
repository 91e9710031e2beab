import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { modulesDiffer, modulesProblem } from './modules.mjs';

const root = { version: '0.1.0' };
const zod = { version: '4.0.0', integrity: 'sha512-a' };
const otherPlatform = { version: '1.0.0', integrity: 'sha512-b', optional: true };

test.each([
  { description: 'the same packages', installed: { zod }, expected: false },
  { description: 'a package missing', installed: {}, expected: true },
  {
    description: 'another version',
    installed: { zod: { ...zod, version: '3.0.0' } },
    expected: true,
  },
  { description: 'other content', installed: { zod: { ...zod, integrity: 'x' } }, expected: true },
  { description: 'a package too many', installed: { zod, express: zod }, expected: true },
])('$description: differs $expected', ({ installed, expected }) => {
  expect(modulesDiffer({ '': root, zod, 'node-other': otherPlatform }, installed)).toBe(expected);
});

test('says that nothing is installed, that the lock has changed, and nothing when all is well', () => {
  const workspace = mkdtempSync(path.join(tmpdir(), 'modules-'));
  onTestFinished(() => rmSync(workspace, { recursive: true }));
  function write(file: string, packages: object) {
    writeFileSync(path.join(workspace, file), JSON.stringify({ packages }));
  }
  write('package-lock.json', { '': root, zod });
  expect(modulesProblem(workspace)).toBe('node_modules is not there');

  mkdirSync(path.join(workspace, 'node_modules'));
  write('node_modules/.package-lock.json', {});
  expect(modulesProblem(workspace)).toMatch(/^package-lock.json has changed/);

  write('node_modules/.package-lock.json', { zod });
  expect(modulesProblem(workspace)).toBeUndefined();
});

test('a node_modules whose pinned Node is not linked is incomplete', () => {
  const workspace = mkdtempSync(path.join(tmpdir(), 'modules-'));
  onTestFinished(() => rmSync(workspace, { recursive: true }));
  const packages = { [`node_modules/node-${process.platform}-${process.arch}`]: zod };
  mkdirSync(path.join(workspace, 'node_modules/.bin'), { recursive: true });
  for (const file of ['package-lock.json', 'node_modules/.package-lock.json']) {
    writeFileSync(path.join(workspace, file), JSON.stringify({ packages }));
  }
  expect(modulesProblem(workspace)).toMatch(/is incomplete/);
});
