import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-run-'));
});
afterEach(async () => {
  const pid = Number(await written('pid'));
  if (pid > 0 && (await isRunning(pid))) process.kill(pid, 'SIGKILL');
  await rm(dir, { recursive: true });
});

/** Every Nix program: it writes its process id, and what signals that can be caught it gets. */
const PROGRAM = `#!${process.execPath}
const fs = require('node:fs');
process.on('SIGTERM', () => fs.appendFileSync(__dirname + '/signals', 'SIGTERM\\n'));
fs.writeFileSync(__dirname + '/pid.new', String(process.pid));
fs.renameSync(__dirname + '/pid.new', __dirname + '/pid');
setInterval(() => {}, 1000);
`;

/** What the Nix program has written into a file, if it has. */
function written(name: string): Promise<string> {
  return readFile(join(dir, name), 'utf8').catch(() => '');
}

/** Runs a program that starts a Nix program, kills it, and gives the process id of the orphan. */
async function orphan(program: string): Promise<number> {
  for (const name of ['nix-instantiate', 'nix-store', 'nix-prefetch-url']) {
    await writeFile(join(dir, name), PROGRAM);
    await chmod(join(dir, name), 0o755);
  }
  const flags = ['--conditions=@nixery/source', '--input-type=module', '-e', program];
  const parent = spawn(process.execPath, flags, { stdio: ['ignore', 'ignore', 'inherit'] });
  await expect.poll(() => written('pid'), { timeout: 30_000 }).not.toBe('');
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  return Number(await written('pid'));
}

/** A zombie, which process 1 of many a container leaves, has no command line. */
async function isRunning(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';
}

function module(name: string): string {
  return JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
}

function evaluation(importFromDerivation: boolean): string {
  const task = {
    source: dir,
    system: 'x86_64-linux',
    names: ['hello'],
    allow: { unfree: false, broken: false, insecure: false, unsupportedSystem: false },
    importFromDerivation,
    env: { PATH: `${dir}:${process.env['PATH']}` },
    deadlineMs: 60_000,
  };
  return `
    import { evaluate } from ${module('../nix/evaluate.ts')};
    await evaluate(${JSON.stringify(task)});`;
}

describe('what a killed server leaves behind', () => {
  it('is no evaluation, even one that does not end when it is told to', async () => {
    const pid = await orphan(evaluation(false));
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
  });

  it.each(['add', 'addTarball'])('is no source that is being added by %s', async (how) => {
    const env = JSON.stringify({ PATH: `${dir}:${process.env['PATH']}` });
    const pid = await orphan(`
      import { makeStore } from ${module('../testing/source-store.ts')};
      const { signal } = new AbortController();
      await makeStore(${JSON.stringify(dir)}, ${env}).${how}('1', '/tmp', signal);`);
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
  });

  it('is told to end where it may be building, so that it ends what it builds', async () => {
    const pid = await orphan(evaluation(true));
    // Once for each thread of the server's that it was a child of in turn.
    await expect.poll(() => written('signals'), { timeout: 10_000 }).toContain('SIGTERM');
    expect(await isRunning(pid)).toBe(true);
  });
});
