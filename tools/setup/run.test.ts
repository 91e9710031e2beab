import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { run } from './run.mjs';

const runModule = fileURLToPath(new URL('run.mjs', import.meta.url));

test('gives the exit code and both outputs', async () => {
  const result = await run(['sh', '-c', 'echo out; echo err >&2; exit 3'], { output: 'capture' });
  expect(result).toMatchObject({ code: 3, interrupted: false });
  expect(result.output.split('\n').sort()).toEqual(['', 'err', 'out']);
});

test('gives 128 + number for a signal, as shells do', async () => {
  expect(await run(['sh', '-c', 'kill -KILL $$'], { output: 'capture' })).toMatchObject({
    code: 137,
  });
});

test('rejects where there is no such command', async () => {
  await expect(run(['/does/not/exist'])).rejects.toMatchObject({ code: 'ENOENT' });
});

describe('a process in a session of its own', () => {
  // Prints its process id, then waits for the signal.
  const graceful = ['sh', '-c', 'trap "exit 7" TERM; echo $$; while :; do sleep 0.05; done'];

  test('gets SIGTERM passed on, and its exit code comes back', async () => {
    const { runner } = await startRunner(graceful);
    runner.kill('SIGTERM');
    expect(await once(runner, 'exit')).toEqual([7, null]);
  });

  test('gets one SIGINT where the terminal and npm each send one', async () => {
    const counting =
      "n=0; trap 'n=$((n+1)); echo $n' INT; trap 'exit $n' TERM; echo $$; while :; do sleep 0.05; done";
    const { runner, childPid } = await startRunner(['sh', '-c', counting]);
    runner.kill('SIGINT');
    expect(String((await once(runner.stdout, 'data'))[0])).toBe('1\n');
    // Apart, or the kernel makes them one; and time for a second one to arrive.
    runner.kill('SIGINT');
    await delay(200);
    process.kill(childPid, 'SIGTERM');
    expect(await once(runner, 'exit')).toEqual([1, null]);
  });

  test('ends when the one who started it is killed', async () => {
    const { runner, childPid } = await startRunner(graceful);
    runner.kill('SIGKILL');
    await expect.poll(() => isAlive(childPid)).toBe(false);
  });
});

/** A zombie, which process 1 of many a container leaves, has no command line. */
async function isAlive(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';
}

/** Runs `command` through run() in a process of its own, which can be signalled; resolves once the command says so. */
async function startRunner(command: readonly string[]) {
  const program = `
    const { run } = await import(${JSON.stringify(runModule)});
    const { code } = await run(${JSON.stringify(command)}, { ownGroup: true, signals: 'process' });
    process.exitCode = code;`;
  const runner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  runner.stdout.setEncoding('utf8');
  const [line] = await once(runner.stdout, 'data');
  return { runner, childPid: Number(line) };
}
