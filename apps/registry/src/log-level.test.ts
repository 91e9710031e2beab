import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino, type Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { LogLevelFile } from './log-level.ts';

const lineSchema = z.object({ msg: z.string() });

let dir: string;
let file: string;
let lines: string[];
let logger: Logger;
let followed: LogLevelFile;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-log-level-'));
  file = join(dir, 'log-level');
  lines = [];
  const write = (line: string): void => {
    lines.push(lineSchema.parse(JSON.parse(line)).msg);
  };
  logger = pino({ level: 'info' }, { write });
});
afterEach(async () => {
  followed.stop();
  await rm(dir, { recursive: true });
});

async function follow(): Promise<void> {
  followed = await LogLevelFile.follow({ file, logger, intervalMs: 10 });
}

async function becomes(level: string): Promise<void> {
  await vi.waitFor(() => expect(logger.level).toBe(level), { timeout: 60_000 });
}

describe('the file of the log level', () => {
  it('holds while it is there, and tells of each change, whichever way it goes', async () => {
    await follow();
    expect([logger.level, lines]).toEqual(['info', []]);
    await writeFile(file, 'debug\n');
    await becomes('debug');
    await writeFile(file, 'error');
    await becomes('error');
    await rm(file);
    await becomes('info');
    expect(lines).toEqual(['log level changed', 'log level changed', 'log level changed']);
  });

  it('holds from the start, whatever the case of its letters', async () => {
    await writeFile(file, 'TRACE');
    await follow();
    expect(logger.level).toBe('trace');
  });

  it('that names no level is told of once, and changes nothing', async () => {
    await writeFile(file, 'warn');
    await follow();
    await writeFile(file, 'loud');
    await vi.waitFor(() => expect(lines).toHaveLength(2), { timeout: 60_000 });
    expect(lines[1]).toMatch(/names no log level.*fatal, error, warn, info, debug, trace/);
    await writeFile(file, 'loud ');
    await writeFile(join(dir, 'other'), '');
    expect(logger.level).toBe('warn');
    await writeFile(file, 'info');
    await becomes('info');
    expect(lines).toHaveLength(3);
  });

  it('is no longer followed once it is stopped', async () => {
    await follow();
    followed.stop();
    const other = pino({ level: 'info' }, { write: () => {} });
    const second = await LogLevelFile.follow({ file, logger: other, intervalMs: 10 });
    await writeFile(file, 'debug');
    await vi.waitFor(() => expect(other.level).toBe('debug'), { timeout: 60_000 });
    second.stop();
    expect(logger.level).toBe('info');
  });
});
