import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CacheState } from './state.ts';
import { temporaryFolder } from './testing/folder.ts';
import { actorOptions } from './testing/options.ts';
import { layerRecord } from './testing/records.ts';
import { WriteAheadLog, type LogLimits } from './write-ahead-log.ts';

const KIB = 1024;

/** A database under a log of these limits; `put` adds an entry, whatever the log says. */
async function openLog(limits: LogLimits) {
  const file = join(await temporaryFolder(), 'cache.db');
  const state = new CacheState(actorOptions({ file }), { now: Date.now, warn: unexpected });
  const onFailure = vi.fn<(error: Error) => void>();
  const onFree = vi.fn<() => void>();
  const log = new WriteAheadLog({ file, limits, onFailure, onFree });
  let entries = 0;
  onTestFinished(async () => {
    await log.stop();
    state.close();
  });
  function put(): void {
    entries += 1;
    state.handle({ type: 'layer.put', key: `k${entries}`, record: layerRecord(entries) });
    log.grown();
  }
  function known(): number {
    const keys = Array.from({ length: entries }, (_, n) => `k${n + 1}`);
    const reply = state.handle({ type: 'layer.get', keys });
    return reply.type === 'layer.get' ? reply.records.filter((r) => r !== null).length : 0;
  }
  const bytes = async () => (await stat(`${file}-wal`)).size;
  return { file, state, log, onFailure, onFree, put, known, bytes, entries: () => entries };
}

test('a log that has grown is moved into the database beside changes, which wait only for the end of it', async () => {
  const { log, onFailure, onFree, put, known, bytes, entries } = await openLog({
    checkpointAt: 64 * KIB,
    fullAt: Infinity,
  });
  while ((await bytes()) < 64 * KIB) put();
  expect(log.mustWait).toBe(false);
  while (!log.mustWait) {
    put();
    await nextTurn();
  }
  expect(known()).toBe(entries());
  while (log.mustWait) await nextTurn();

  expect(onFree).toHaveBeenCalledOnce();
  expect(await bytes()).toBeLessThan(64 * KIB);
  put();
  expect(known()).toBe(entries());
  expect(onFailure).not.toHaveBeenCalled();
});

test('a log under constant writing starts anew each time', async () => {
  const { log, onFree, put, known, bytes, entries } = await openLog({
    checkpointAt: 256 * KIB,
    fullAt: 1024 * KIB,
  });
  const sizes: number[] = [];
  while (onFree.mock.calls.length < 4) {
    if (!log.mustWait) put();
    if (entries() % 10 === 0) sizes.push(await bytes());
    await nextTurn();
  }

  // One put more than fits, since the size is looked at after it.
  expect(Math.max(...sizes)).toBeLessThan(1100 * KIB);
  expect(known()).toBe(entries());
});

test('changes wait when the log is full before a checkpoint is done with it', async () => {
  const { log, onFree, put, bytes } = await openLog({ checkpointAt: 64 * KIB, fullAt: 128 * KIB });
  while ((await bytes()) < 128 * KIB) put();

  expect(log.mustWait).toBe(true);
  await expect.poll(() => onFree.mock.calls).toHaveLength(1);
  expect(log.mustWait).toBe(false);
});

test('a checkpoint that fails is told, changes go on, and another is tried once the log has grown as much again', async () => {
  const { file, log, onFailure, put, known, entries, bytes } = await openLog({
    checkpointAt: 64 * KIB,
    fullAt: 96 * KIB,
  });
  // The state keeps its open file; the checkpoint finds none.
  await rm(file);
  while ((await bytes()) < 96 * KIB) put();
  await expect.poll(() => onFailure.mock.calls).toHaveLength(1);

  expect(onFailure.mock.calls[0]?.[0].message).toBe('unable to open database file');
  expect(log.mustWait).toBe(false);
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  while (onFailure.mock.calls.length < 2) {
    put();
    await nextTurn();
  }
  expect(await bytes()).toBeGreaterThan(128 * KIB);
  expect(known()).toBe(entries());
});

function unexpected(warning: object): void {
  expect.unreachable(JSON.stringify(warning));
}
