import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Ask, FromActor, ToActor } from './messages.ts';
import type { LayerRecord } from './records.ts';
import { serve } from './serve.ts';
import { temporaryFolder } from './testing/folder.ts';
import { actorOptions } from './testing/options.ts';
import { layerRecord } from './testing/records.ts';
import { decodeReport, encodeAsks } from './wire.ts';

const STOP: Ask = { id: 99, request: { type: 'stop' } };

/** Serves on one end of a channel in this thread, and notes what comes out of the other. */
function serveHere(file: string) {
  const { port1: port, port2: actor } = new MessageChannel();
  const received: FromActor[] = [];
  const closed = once(port, 'close');
  port.on('message', (message: string) => received.push(decodeReport(message)));
  onTestFinished(() => port.close());
  serve(actor, actorOptions({ file }));
  return { send: (asks: ToActor) => port.postMessage(encodeAsks(asks)), received, closed };
}

function answersIn(messages: readonly FromActor[]) {
  return messages.flatMap((message) => (message.type === 'answers' ? message.answers : []));
}

function use(keys: readonly string[]): Ask {
  return { id: 0, request: { type: 'layer.get', keys } };
}

function answersGet(record: LayerRecord | null) {
  const reply = { type: 'layer.get', records: [record] };
  return { type: 'answers', answers: [{ id: 2, ok: true, reply }] };
}

test('the actor says ready, answers look-ups before changes that wait, and lets go of its port at stop', async () => {
  const { send, received, closed } = serveHere(':memory:');
  const put: Ask = { id: 1, request: { type: 'layer.put', key: 'k', record: layerRecord(1) } };
  const get: Ask = { id: 2, request: { type: 'layer.get', keys: ['k'] } };
  send([put, get]);
  await expect.poll(() => received).toHaveLength(3);
  for (const asks of [[get], [put, STOP]]) send(asks);
  await closed;

  const done = { id: 1, ok: true, reply: { type: 'layer.put', ok: true } };
  expect(received.slice(0, 4)).toEqual([
    { type: 'ready' },
    answersGet(null),
    { type: 'answers', answers: [done] },
    answersGet(layerRecord(1)),
  ]);
  expect(answersIn(received.slice(4))).toEqual([
    done,
    { id: 99, ok: true, reply: { type: 'stop', ok: true } },
  ]);
});

test('the actor warns before it says ready when it had to start over', async () => {
  const file = join(await temporaryFolder(), 'cache.db');
  await writeFile(file, 'no database '.repeat(500));
  const { send, received, closed } = serveHere(file);
  send([STOP]);
  await closed;

  expect(received).toMatchObject([
    { type: 'warning', warning: { type: 'database-set-aside' } },
    { type: 'ready' },
    { type: 'answers' },
  ]);
});

test('the actor records uses once in five minutes, whatever their number', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const file = join(await temporaryFolder(), 'cache.db');
  const { send, received, closed } = serveHere(file);
  const puts = ['a', 'b'].map((key, id): Ask => ({
    id,
    request: { type: 'layer.put', key, record: layerRecord(id) },
  }));
  const db = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => db.close());
  const leastRecent = () =>
    db.prepare('SELECT key FROM layers ORDER BY used LIMIT 1').get()?.['key'];

  send(puts);
  await expect.poll(() => answersIn(received)).toHaveLength(2);
  send([{ id: 2, request: { type: 'layer.get', keys: ['a'] } }]);
  await expect.poll(() => answersIn(received)).toHaveLength(3);
  vi.advanceTimersByTime(270_000);
  expect(leastRecent()).toBe('a');
  vi.advanceTimersByTime(30_000);
  expect(leastRecent()).toBe('b');
  send([STOP]);
  await closed;
});

test('the actor records many uses at its next look', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const file = join(await temporaryFolder(), 'cache.db');
  const { send, received, closed } = serveHere(file);
  const keys = Array.from({ length: 50_000 }, (_, n) => `k${n}`);
  const db = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => db.close());
  const firstUse = () => db.prepare("SELECT used FROM layers WHERE key = 'k0'").get()?.['used'];
  const patient = { timeout: 60_000 };

  send(
    keys.map((key, id) => ({ id, request: { type: 'layer.put', key, record: layerRecord(id) } })),
  );
  await expect.poll(() => answersIn(received).length, patient).toBe(keys.length);
  const before = firstUse();
  send([use(keys.slice(0, -1))]);
  await expect.poll(() => answersIn(received).length, patient).toBe(keys.length + 1);
  vi.advanceTimersByTime(30_000);
  await setImmediate();
  expect(firstUse()).toBe(before);

  send([use(keys.slice(-1))]);
  await expect.poll(() => answersIn(received).length, patient).toBe(keys.length + 2);
  vi.advanceTimersByTime(30_000);
  await expect.poll(firstUse, patient).not.toBe(before);
  send([STOP]);
  await closed;
});
