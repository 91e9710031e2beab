import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFilesystemStore } from './store.ts';
import { currentWriter, hasWriterEnded, temporaryName } from './writer.ts';

const OTHER_HOST = '0123456789abcdef-1-1';

test('this process has not ended', async () => {
  const current = await currentWriter();
  expect(current).toMatch(/^[0-9a-f]{16}-\d+-\d+$/);
  expect(await hasWriterEnded(temporaryName(current), current)).toBe(false);
});

test('a process that has exited has ended, and so has one whose id was given to another', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  const current = await currentWriter();
  const [host, pid, started] = current.split('-');
  const exited = temporaryName(`${host}-${child.pid}-${started}`);
  expect(await hasWriterEnded(exited, current)).toBe(true);
  const reused = temporaryName(`${host}-${pid}-1`);
  expect(await hasWriterEnded(reused, current)).toBe(true);
});

test('of a process on another host nothing is known', async () => {
  const current = await currentWriter();
  expect(await hasWriterEnded(temporaryName(OTHER_HOST), current)).toBe(false);
  expect(await hasWriterEnded('anything', current)).toBe(false);
  expect(await hasWriterEnded(temporaryName(current), 'unknown')).toBe(false);
});

test('a store that starts sweeps what is certainly stale, and spares what may be in use', async () => {
  const root = await mkdtemp(join(tmpdir(), 'blob-sweep-'));
  try {
    await createFilesystemStore({ root });
    const current = await currentWriter();
    const live = temporaryName(current);
    const crashed = temporaryName(`${current.split('-')[0]}-${process.pid}-1`);
    const remote = temporaryName(OTHER_HOST);
    const abandoned = temporaryName(OTHER_HOST);
    for (const name of [live, crashed, remote, abandoned]) {
      await writeFile(join(root, 'tmp', name), 'half');
    }
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 60 * 60;
    await utimes(join(root, 'tmp', abandoned), twoDaysAgo, twoDaysAgo);
    await createFilesystemStore({ root });
    expect((await readdir(join(root, 'tmp'))).toSorted()).toEqual([live, remote].toSorted());
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
