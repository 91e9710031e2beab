import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { nixEnvironment } from '../testing/nix-environment.ts';
import { nixProblem } from './probe.ts';

it('Nix that has its store has no problem', async () => {
  expect(await nixProblem(nixEnvironment())).toBeNull();
});

it.runIf(process.getuid?.() === 0)('Nix without its build users says what to do', async () => {
  const env = {
    ...nixEnvironment(),
    NIX_REMOTE: 'local',
    NIX_CONFIG: 'build-users-group = nobody-has-this-group',
  };
  expect(await nixProblem(env)).toMatch(/nobody-has-this-group.*put "build-users-group ="/);
});

it('Nix whose store cannot be reached says so', async () => {
  const env = { ...nixEnvironment(), NIX_REMOTE: 'unix:///nonexistent/socket' };
  expect(await nixProblem(env)).toMatch(/^Nix cannot use its store: .*nonexistent/);
});

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args).status === 0;
}

describe('Nix whose store is on a disk of its own', () => {
  let disk: string;
  let mounted: boolean;

  beforeEach(() => {
    disk = mkdtempSync(join(tmpdir(), 'nixery-probe-'));
    // Only root can mount, and in some containers not even root.
    mounted = succeeds('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', disk]);
  });
  afterEach(() => {
    if (mounted) succeeds('umount', ['--lazy', disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  it('has a problem while that is full, and none when there is room again', async ({ skip }) => {
    skip(!mounted, 'nothing can be mounted here');
    const storeDir = join(disk, 'store');
    mkdirSync(storeDir);
    const env = {
      ...nixEnvironment(),
      NIX_REMOTE: 'local',
      NIX_STORE_DIR: storeDir,
      NIX_STATE_DIR: join(disk, 'state'),
    };
    expect(await nixProblem(env)).toBeNull();

    const filler = join(disk, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(32 * 1024 * 1024))).toThrow('ENOSPC');
    expect(await nixProblem(env)).toBe(`the disk of the Nix store, ${storeDir}, is full`);
    rmSync(filler);
    expect(await nixProblem(env)).toBeNull();
  });
});
