import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it, onTestFinished, vi } from 'vitest';

import { LogOutput } from './log-output.ts';

const execute = promisify(execFile);

function open(): { readonly output: LogOutput; readonly written: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'log-output-'));
  const file = join(folder, 'log');
  const fd = openSync(file, 'w');
  onTestFinished(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return { output: new LogOutput(fd), written: () => readFileSync(file, 'utf8') };
}

/** As many lines as hold together more than waits. */
const LINES = Array.from({ length: 5_000 }, (_, n) => `line ${n}\n`);

it('writes every line once, in order, soon after the last', async () => {
  const { output, written } = open();
  for (const line of LINES) output.write(line);
  await vi.waitUntil(() => written().length >= LINES.join('').length, { timeout: 60_000 });
  expect(written()).toBe(LINES.join(''));
});

it('has written what came when the process exits', async () => {
  const script = `
    const { LogOutput } = await import(${JSON.stringify(new URL('log-output.ts', import.meta.url).href)});
    const output = new LogOutput(1);
    for (const line of ${JSON.stringify(LINES.slice(0, 100))}) output.write(line);
    process.exit();`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '--eval', script]);
  expect(stdout).toBe(LINES.slice(0, 100).join(''));
});
