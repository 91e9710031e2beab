import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isStatic, missingRequirements, type Requirement } from './requirements.mjs';

function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'requirements-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a command counts as present only where it can be executed', () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'a-command-of-this-test');
  const table: Requirement[] = [
    { package: 'a', why: 'test', probe: { command: 'a-command-of-this-test' } },
  ];
  function missing() {
    return missingRequirements(table, { test: false, isRoot: true, searchPath: folder });
  }
  expect(missing()).toEqual(table);
  writeFileSync(file, '#!/bin/sh\n');
  expect(missing()).toEqual(table);
  chmodSync(file, 0o755);
  expect(missing()).toEqual([]);
});

test('what only tests or only root can use is not asked of others', () => {
  const probe = { file: '/does/not/exist' };
  const table: Requirement[] = [
    { package: 'always', why: 'test', probe },
    { package: 'tests', why: 'test', probe, testOnly: true },
    { package: 'clients', why: 'test', probe, testOnly: true, rootOnly: true },
  ];
  function names(host: { test: boolean; isRoot: boolean }) {
    const missing = missingRequirements(table, { ...host, searchPath: undefined });
    return missing.map((requirement) => requirement.package);
  }
  expect(names({ test: false, isRoot: true })).toEqual(['always']);
  expect(names({ test: true, isRoot: false })).toEqual(['always', 'tests']);
  expect(names({ test: true, isRoot: true })).toEqual(['always', 'tests', 'clients']);
});

test('tells a static executable from a dynamic one and from a script', () => {
  const script = path.join(temporaryFolder(), 'script');
  writeFileSync(script, '#!/bin/sh\n');
  expect(isStatic('/bin/busybox')).toBe(true);
  expect(isStatic(process.execPath)).toBe(false);
  expect(isStatic(script)).toBe(false);
});
