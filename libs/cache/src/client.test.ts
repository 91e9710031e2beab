import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ActorClient } from './client.ts';
import type { CacheOptions } from './contract.ts';
import type { CacheEvent } from './events.ts';
import { temporaryFolder } from './testing/folder.ts';
import { actorOptions } from './testing/options.ts';
import { digest, layerRecord, manifestRecord } from './testing/records.ts';

const ACTOR = new URL(import.meta.resolve('#actor'));
const SILENT_ACTOR = new URL('testing/silent-actor.ts', import.meta.url);

/** A client over the real thread, with a hand on that thread. */
function connect(file: string, options: Omit<CacheOptions, 'file'> = {}, entry = ACTOR) {
  const events: CacheEvent[] = [];
  const threads: Worker[] = [];
  const client = new ActorClient(
    {
      backOff: { firstMs: 10, longestMs: 40, healthyMs: 60_000 },
      // On a busy machine a thread may take seconds to start.
      askTimeoutMs: 60_000,
      onEvent: (event) => events.push(event),
      ...options,
    },
    (firstVersion) => {
      const thread = new Worker(entry, { workerData: actorOptions({ file, firstVersion }) });
      threads.push(thread);
      return thread;
    },
  );
  onTestFinished(() => client.stop({ deadlineMs: 1000 }));
  const crashes = () => events.filter((event) => event.type === 'crashed');
  const degraded = () => events.filter((event) => event.type === 'degraded');
  const ready = (restarts: number) =>
    vi.waitUntil(() => events.some((e) => e.type === 'ready' && e.restarts === restarts), 60_000);
  return { client, events, threads, crashes, degraded, ready };
}

describe('a client', () => {
  test('takes requests at once, has changes done in their order, and sees each once it is answered', async () => {
    const { client } = connect(':memory:');
    const changed = [
      client.putManifest('k', 'moving', manifestRecord(10)).then(() => client.getManifest('k')),
      client.putManifest('l', 'pinned', manifestRecord(20)),
      client.dropManifest({ key: 'l' }).then(() => client.getManifest('l')),
      client.putManifest('k', 'pinned', manifestRecord(20)),
      client.dropManifest({ digest: digest(20) }),
      client.putManifest('m', 'pinned', manifestRecord(30)).then(() => client.getManifest('m')),
    ] as const;

    const [, , dropped, , , put] = await Promise.all(changed);
    expect(dropped).toBeNull();
    expect(put).toMatchObject({ kind: 'pinned', record: manifestRecord(30), maxAgeMs: null });
    expect(await client.getManifest('k')).toBeNull();
  });

  test('tells of the forms alone as it does of the whole record, and counts it as a use', async () => {
    const { client } = connect(':memory:');
    await client.putManifest('k', 'pinned', manifestRecord(10));
    const { forms } = manifestRecord(10);
    const whole = await client.getManifest('k');
    expect(await client.getForms('k')).toEqual({
      version: expect.any(Number),
      record: { forms },
      ageMs: expect.any(Number),
      maxAgeMs: whole?.maxAgeMs,
      fresh: true,
    });
    expect(await client.getForms('unknown')).toBeNull();
    expect(await client.stats()).toMatchObject({ manifests: { hits: 2, misses: 1 } });
  });

  test('gives back what the asker knows where it still holds, and what has come in its place where not', async () => {
    const { client, crashes } = connect(':memory:');
    await client.putManifest('k', 'pinned', manifestRecord(10));
    const known = (await client.getForms('k')) ?? undefined;
    expect((await client.getForms('k', { known }))?.record).toBe(known?.record);

    await client.putManifest('k', 'pinned', manifestRecord(20));
    const second = (await client.getForms('k', { known })) ?? undefined;
    expect(second?.record).toEqual({ forms: manifestRecord(20).forms });

    await client.dropManifest({ key: 'k' });
    expect(await client.getForms('k', { known: second })).toBeNull();
    expect(crashes()).toEqual([]);
  });

  test('finds manifests and layers by digest, and lists names and tags', async () => {
    const { client } = connect(':memory:');
    await client.putManifest('k', 'moving', manifestRecord(10));
    await client.putLayer('l', layerRecord(12));

    expect(await client.findManifest(digest(10))).toMatchObject({ key: 'k' });
    expect(await client.findManifestWith(digest(12))).toMatchObject({ key: 'k' });
    expect(await client.findManifest(digest(12))).toBeNull();
    expect(await client.findLayer(digest(12))).toEqual({ key: 'l', record: layerRecord(12) });
    expect(await client.putTag('shell/git', 'v2')).toBe(true);
    await expect(client.putTag('shell/git', '')).rejects.toMatchObject({ code: 'invalid' });
    expect(await client.listTags('shell/git')).toEqual(['latest', 'v2']);
    expect(await client.listHolders(digest(12), 'content')).toMatchObject([{ name: 'shell/git' }]);
    await expect(client.listHolders(digest(12), 'content', { limit: 0 })).rejects.toThrow('limit');
    expect(await client.listNames()).toEqual(['shell/git']);
    expect(await client.listManifests({ name: 'shell/git' })).toMatchObject([{ key: 'k' }]);
    expect(await client.dropLayer({ digest: digest(12) })).toBe(true);
    expect(await client.findLayer(digest(12))).toBeNull();
  });

  test('answers the known ones of many layers', async () => {
    const { client } = connect(':memory:');
    await client.putLayer('a', layerRecord(1));
    await client.putLayer('b', layerRecord(2));

    expect(await client.getLayers(['b', 'x', 'a', 'b'])).toEqual(
      new Map([
        ['b', layerRecord(2)],
        ['a', layerRecord(1)],
      ]),
    );
  });

  test('refuses arguments that break the schema, even where the types allow them', async () => {
    const { client, degraded } = connect(':memory:');
    const { oci } = manifestRecord(10).forms;
    const manifest = {
      ...manifestRecord(10),
      forms: { oci: { ...oci, digest: 'sha256:short' as const } },
    };
    const formless = { ...manifestRecord(10), forms: {} };
    const layer = { ...layerRecord(1), size: -1 };

    const invalid = { code: 'invalid' };
    await expect(client.putManifest('k', 'moving', manifest)).rejects.toMatchObject(invalid);
    await expect(client.putManifest('k', 'moving', formless)).rejects.toMatchObject(invalid);
    await expect(client.putManifest('', 'moving', manifestRecord(1))).rejects.toMatchObject(
      invalid,
    );
    await expect(client.putLayer('l', layer)).rejects.toMatchObject(invalid);
    await expect(client.listManifests({ limit: 0 })).rejects.toMatchObject(invalid);
    await expect(client.dropManifest({ key: '' })).rejects.toMatchObject(invalid);
    expect(degraded()).toEqual([]);
  });

  test('counts what it holds and what waits', async () => {
    const { client } = connect(':memory:');
    await client.putManifest('k', 'moving', manifestRecord(10));
    await client.getManifest('k');
    await client.getManifest('x');
    await client.getLayers(['x', 'y']);

    expect(await client.stats()).toEqual({
      manifests: { entries: 1, hits: 1, misses: 1, evictions: 0 },
      layers: { entries: 0, hits: 0, misses: 2, evictions: 0 },
      mailbox: { depth: 0, capacity: 10_000 },
    });
  });
});

describe('when the thread dies', () => {
  test('what it was asked is a miss, and it comes back with its maps', async () => {
    const file = join(await temporaryFolder(), 'cache.db');
    const { client, threads, crashes, degraded, ready } = connect(file);
    await client.putManifest('k', 'pinned', manifestRecord(10));

    const exited = once(threads[0] ?? fail(), 'exit');
    const asked = [
      client.getManifest('k'),
      client.getLayers(['l']),
      client.putLayer('l', layerRecord(1)),
    ];
    // Before the turn ends, so that the asks are lost with the thread.
    void threads[0]?.terminate();
    await exited;

    expect(await Promise.all(asked)).toEqual([null, new Map(), false]);
    expect(crashes()).toMatchObject([{ restarts: 1, restartInMs: 10 }]);
    expect(degraded()).toMatchObject([
      { operation: 'manifest.get', error: { code: 'restarted' } },
      { operation: 'layer.get', error: { code: 'restarted' } },
      { operation: 'layer.put', error: { code: 'restarted' } },
    ]);
    await ready(1);
    expect(await client.getManifest('k')).toMatchObject({ record: manifestRecord(10) });
  });

  test('what an asker knows from before is not taken for what came after', async () => {
    const { client, threads, ready } = connect(':memory:');
    await client.putManifest('k', 'pinned', manifestRecord(10));
    const known = (await client.getForms('k')) ?? undefined;
    await threads[0]?.terminate();
    await ready(1);
    await client.putManifest('other', 'pinned', manifestRecord(20));

    expect(await client.getForms('k', { known })).toBeNull();
    const other = (await client.getForms('other')) ?? undefined;
    expect((await client.getForms('other', { known: other }))?.record).toBe(other?.record);
  });

  test('until it is back look-ups find nothing, and listings reject', async () => {
    const backOff = { firstMs: 60_000 };
    const { client, threads, degraded } = connect(':memory:', { backOff });
    await client.putManifest('k', 'pinned', manifestRecord(10));
    await threads[0]?.terminate();

    expect(client.status).toEqual({ state: 'down', restarts: 1 });
    expect(await client.getManifest('k')).toBeNull();
    expect(await client.putLayer('l', layerRecord(1))).toBe(false);
    await expect(client.listTags('shell/git')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(client.stats()).rejects.toMatchObject({ code: 'unavailable' });
    expect(degraded()).toMatchObject([
      { operation: 'manifest.get', error: { code: 'unavailable' } },
      { operation: 'layer.put', error: { code: 'unavailable' } },
    ]);
  });

  test('again and again, the pauses double up to a limit', async () => {
    // A file where the folder should be: the database cannot be opened.
    const blocked = join(await temporaryFolder(), 'file');
    await writeFile(blocked, '');
    const { client, crashes } = connect(join(blocked, 'cache.db'));
    await vi.waitUntil(() => crashes().length >= 5, 60_000);

    expect(crashes().slice(0, 5)).toMatchObject(
      [10, 20, 40, 40, 40].map((restartInMs) => ({
        restartInMs,
        error: { message: expect.stringContaining('cannot open') },
      })),
    );
    await client.stop();
    expect(client.status.state).toBe('stopped');
  });

  test('that the system has no thread to give is one more crash', async () => {
    const crashed: number[] = [];
    const threads: Worker[] = [];
    let lacking = 0;
    const client = new ActorClient(
      {
        backOff: { firstMs: 10, longestMs: 40, healthyMs: 60_000 },
        askTimeoutMs: 60_000,
        onEvent: (event) => void (event.type === 'crashed' && crashed.push(event.restartInMs)),
      },
      () => {
        if (lacking > 0) {
          lacking -= 1;
          throw new Error('no thread');
        }
        threads.push(new Worker(ACTOR, { workerData: actorOptions() }));
        return threads.at(-1) ?? fail();
      },
    );
    onTestFinished(() => client.stop({ deadlineMs: 1000 }));
    lacking = 2;
    await threads[0]?.terminate();
    await vi.waitUntil(() => threads.length === 2, 20_000);

    expect(crashed).toEqual([10, 20, 40]);
    expect(await client.putManifest('k', 'pinned', manifestRecord(10))).toBe(true);
  });

  test('after a healthy time, the pauses start over', async () => {
    const backOff = { firstMs: 10, longestMs: 1000, healthyMs: 0 };
    const { threads, crashes, ready } = connect(':memory:', { backOff });
    for (const restarts of [0, 1, 2]) {
      await ready(restarts);
      await threads.at(-1)?.terminate();
    }

    expect(crashes().map((crash) => crash.restartInMs)).toEqual([10, 10, 10]);
  });
});

describe('when the thread answers nothing', () => {
  test('each ask times out as a miss, and in the end the thread is replaced', async () => {
    const { client, crashes, degraded } = connect(':memory:', { askTimeoutMs: 20 }, SILENT_ACTOR);
    while (crashes().length === 0) expect(await client.getManifest('k')).toBeNull();

    expect(degraded()[0]).toMatchObject({ operation: 'manifest.get', error: { code: 'timeout' } });
    expect(crashes()[0]).toMatchObject({
      error: { message: 'the cache actor gave no answer for 200 ms' },
    });
  });

  test('no more than the mailbox holds is asked', async () => {
    const options = { askTimeoutMs: 1000, mailboxCapacity: 2 };
    const { client, degraded } = connect(':memory:', options, SILENT_ACTOR);
    const asked = [client.getManifest('a'), client.getManifest('b'), client.getManifest('c')];

    expect(await asked[2]).toBeNull();
    expect(degraded()).toMatchObject([{ error: { code: 'overloaded' } }]);
    await Promise.all(asked);
  });
});

describe('stop', () => {
  test('answers what was asked before, ends the thread, and leaves everything on disk', async () => {
    const file = join(await temporaryFolder(), 'cache.db');
    const { client, threads } = connect(file);
    const exited = once(threads[0] ?? fail(), 'exit');
    await client.putManifest('j', 'pinned', manifestRecord(20));
    const put = client.putManifest('k', 'pinned', manifestRecord(10));
    const got = client.getManifest('j');
    await client.stop();

    expect(await put).toBe(true);
    expect(await got).toMatchObject({ record: manifestRecord(20) });
    expect(await exited).toEqual([0]);
    const { client: next } = connect(file);
    expect(await next.getManifest('k')).toMatchObject({ record: manifestRecord(10) });
  });

  test('may be called twice; later look-ups find nothing and listings reject', async () => {
    const { client, crashes, degraded } = connect(':memory:');
    await Promise.all([client.stop(), client.stop()]);

    expect(client.status).toEqual({ state: 'stopped', restarts: 0 });
    expect(await client.getManifest('k')).toBeNull();
    expect(degraded()).toMatchObject([{ error: { code: 'stopped' } }]);
    await expect(client.listManifests()).rejects.toMatchObject({ code: 'stopped' });
    expect(crashes()).toEqual([]);
  });

  test('ends a thread that does not answer once the deadline is over', async () => {
    const { client, threads, degraded } = connect(':memory:', {}, SILENT_ACTOR);
    const exited = once(threads[0] ?? fail(), 'exit');
    const asked = client.getManifest('k');
    await client.stop({ deadlineMs: 20 });

    await exited;
    expect(await asked).toBeNull();
    expect(degraded()).toMatchObject([{ error: { code: 'stopped' } }]);
    expect(client.status).toEqual({ state: 'stopped', restarts: 0 });
  });
});

function fail(): never {
  throw new Error('no thread was started');
}
