import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import type { Ask, FromActor } from './messages.ts';
import { actorDefaults } from './options.ts';
import { serve } from './serve.ts';
import { temporaryFolder } from './testing/folder.ts';
import { layerRecord } from './testing/records.ts';

const STOP: Ask = { id: 99, request: { type: 'stop' } };

/** Serves on one end of a channel in this thread, and notes what comes out of the other. */
function serveHere(file: string) {
  const { port1: port, port2: actor } = new MessageChannel();
  const received: FromActor[] = [];
  const closed = once(port, 'close');
  port.on('message', (message: FromActor) => received.push(message));
  onTestFinished(() => port.close());
  serve(actor, { ...actorDefaults, file });
  return { port, received, closed };
}

test('the actor says ready, answers each message with one, in order, and lets go of its port at stop', async () => {
  const { port, received, closed } = serveHere(':memory:');
  const put: Ask = { id: 1, request: { type: 'layer.put', key: 'k', record: layerRecord(1) } };
  const get: Ask = { id: 2, request: { type: 'layer.get', keys: ['k'] } };
  for (const asks of [[put, get], [get], [STOP]]) port.postMessage(asks);
  await closed;

  const got = { id: 2, ok: true, reply: { type: 'layer.get', records: [layerRecord(1)] } };
  expect(received).toEqual([
    { type: 'ready' },
    {
      type: 'answers',
      answers: [{ id: 1, ok: true, reply: { type: 'layer.put', ok: true } }, got],
    },
    { type: 'answers', answers: [got] },
    { type: 'answers', answers: [{ id: 99, ok: true, reply: { type: 'stop', ok: true } }] },
  ]);
});

test('the actor warns before it says ready when it had to start over', async () => {
  const file = join(await temporaryFolder(), 'cache.db');
  await writeFile(file, 'no database '.repeat(500));
  const { port, received, closed } = serveHere(file);
  port.postMessage([STOP]);
  await closed;

  expect(received).toMatchObject([
    { type: 'warning', warning: { type: 'database-set-aside' } },
    { type: 'ready' },
    { type: 'answers' },
  ]);
});
