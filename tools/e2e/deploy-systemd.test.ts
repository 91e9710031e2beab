import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingCommands } from './clients/command.ts';
import { deployFolder, installed, minimumStopSeconds } from './deploy/files.ts';
import { assignment, parseEnvFile, settingProblems } from './deploy/settings.ts';

const folder = path.join(deployFolder, 'systemd');
const units = readdirSync(folder).filter((name) => /\.(?:service|timer)$/.test(name));
const services = units.filter((name) => name.endsWith('.service'));
const withoutSystemd = missingCommands(['systemd-analyze', 'systemd-sysusers']).length > 0;

/** All values of a setting, in whatever section. https://www.freedesktop.org/software/systemd/man/systemd.syntax.html */
function values(unit: string, setting: string): readonly string[] {
  const lines = readFileSync(path.join(folder, unit), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${setting}=`)).map((line) => assignment(line)[1]);
}

function environment(unit: string): Record<string, string> {
  const file = path.join(folder, 'nixery.env');
  return {
    ...Object.fromEntries(values(unit, 'Environment').map(assignment)),
    ...parseEnvFile(readFileSync(file, 'utf8')),
  };
}

describe.skipIf(withoutSystemd)('to systemd', () => {
  let dir: string;
  /** The units, with programs that exist here. */
  let checked: string[];

  beforeAll(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'nixery-systemd-'));
    checked = units.map((name) => {
      const text = readFileSync(path.join(folder, name), 'utf8');
      const file = path.join(dir, name);
      writeFileSync(file, text.replaceAll(installed.node, '/bin/sh'));
      return file;
    });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('the units say nothing that it does not understand', () => {
    const result = spawnSync('systemd-analyze', ['verify', '--man=no', ...checked], {
      encoding: 'utf8',
    });
    // Whatever else is installed here may be faulty.
    const complaints = result.stderr.split('\n').filter((line) => line.includes('nixery'));
    expect(complaints).toEqual([]);
    expect(result.status, result.stderr).toBe(0);
  });

  test.each(services)('%s is hardly exposed', (name) => {
    // Of 100. A service without any restriction has 96.
    const threshold = ['--offline=true', '--threshold=20', path.join(dir, name)];
    const result = spawnSync('systemd-analyze', ['security', '--no-pager', ...threshold], {
      encoding: 'utf8',
    });
    expect(result.status, result.stdout + result.stderr).toBe(0);
  });

  test.skipIf(process.getuid?.() !== 0)('the account is one that it can make', () => {
    const file = path.join(folder, 'nixery.sysusers.conf');
    const root = path.join(dir, 'root');
    mkdirSync(path.join(root, 'etc'), { recursive: true });
    execFileSync('systemd-sysusers', [`--root=${root}`, '--', file], { stdio: 'pipe' });
    expect(readFileSync(path.join(root, 'etc/passwd'), 'utf8')).toContain(
      'Nixery registry:/var/lib/nixery:',
    );
    expect(readFileSync(path.join(root, 'etc/group'), 'utf8')).toMatch(/^nix-users:.*:nixery$/m);
  });
});

test.each(services)('%s starts what a release has, as a user without rights', (name) => {
  const [node, program] = (values(name, 'ExecStart')[0] ?? '').split(' ');
  expect({ node, program }).toEqual({
    node: installed.node,
    program: name === 'nixery.service' ? installed.main : installed.storage,
  });
  expect(values(name, 'User')).toEqual(['nixery']);
  expect(values(name, 'CapabilityBoundingSet')).toEqual(['']);
  expect(values(name, 'StateDirectory')).toEqual([path.basename(installed.home)]);
});

test('the settings are ones that the server takes', () => {
  expect(settingProblems(environment('nixery.service'))).toEqual([]);
});

test('what the server writes is below its state directory', () => {
  const { STORAGE_PATH, NIXERY_STATE_DIR, HOME } = environment('nixery.service');
  for (const place of [STORAGE_PATH, NIXERY_STATE_DIR, HOME]) {
    expect(`${place}/`).toMatch(new RegExp(`^${installed.home}/`));
  }
});

test('it has the time to stop, and is not started again with settings that are wrong', () => {
  const [seconds] = values('nixery.service', 'TimeoutStopSec');
  expect(Number(seconds)).toBeGreaterThanOrEqual(minimumStopSeconds);
  expect(values('nixery.service', 'RestartPreventExitStatus')).toEqual(['78']);
});
