import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BlobRole } from './messages.ts';
import type { CacheState } from './state.ts';
import { temporaryFolder } from './testing/folder.ts';
import { digest, layerRecord, manifestRecord } from './testing/records.ts';
import {
  getLayers,
  getManifest,
  NO_MORE,
  openState,
  putManifest,
  still,
  versionOf,
} from './testing/state.ts';

function keysOf(reply: ReturnType<CacheState['handle']>): readonly string[] {
  return reply.type === 'manifest.list' ? reply.entries.map((entry) => entry.key) : [];
}

describe('a manifest', () => {
  test('is found by key until it is dropped, and replaced by the next put', () => {
    const { state } = openState();
    putManifest(state, 'k', 10);
    putManifest(state, 'k', 20);

    expect(getManifest(state, 'k')).toMatchObject({
      hit: { record: manifestRecord(20), fresh: true },
    });

    state.handle({ type: 'manifest.drop', target: { key: 'k' } });
    expect(getManifest(state, 'k')).toEqual({ type: 'manifest.get', hit: null });
  });

  test('past its freshness is a miss, and a stale hit where that is allowed', () => {
    const { state, clock } = openState({ recencyMs: 1000 });
    putManifest(state, 'k', 10);
    clock.now += 1000;

    expect(getManifest(state, 'k')).toEqual({ type: 'manifest.get', hit: null });
    expect(state.handle({ type: 'manifest.get', key: 'k', allowStale: true })).toMatchObject({
      hit: { fresh: false, ageMs: 1000, maxAgeMs: 1000, record: manifestRecord(10) },
    });
  });

  test('is fresh again once the same record is put again', () => {
    const { state, clock } = openState({ recencyMs: 1000 });
    putManifest(state, 'k', 10);
    clock.now += 5000;
    putManifest(state, 'k', 10);

    expect(getManifest(state, 'k')).toMatchObject({ hit: { fresh: true, ageMs: 0 } });
  });

  test('still holds under the version that was told until it is replaced, dropped or stale', () => {
    const { state, clock } = openState({ recencyMs: 1000 });
    putManifest(state, 'k', 10);
    putManifest(state, 'dropped', 20);
    const [first, dropped] = [versionOf(state, 'k'), versionOf(state, 'dropped')];
    clock.now += 10;
    const freshness = { ageMs: 10, maxAgeMs: 1000, fresh: true };
    expect(still(state, first)).toEqual({ type: 'manifest.still', freshness });

    putManifest(state, 'k', 30);
    state.handle({ type: 'manifest.drop', target: { key: 'dropped' } });
    const second = versionOf(state, 'k');
    expect([still(state, first), still(state, dropped)]).toEqual([NO_MORE, NO_MORE]);
    expect(still(state, second)).toMatchObject({ freshness: { ageMs: 0 } });

    clock.now += 1000;
    expect(still(state, second)).toEqual(NO_MORE);
    // Three times the forms were told, and twice that they hold; who learns that they do not asks for them next.
    expect(state.handle({ type: 'stats' })).toMatchObject({
      stats: { manifests: { hits: 5, misses: 0 } },
    });
  });

  test('that had to go for others holds no more', () => {
    const { state } = openState({ maxManifests: 1 });
    putManifest(state, 'a', 10);
    const version = versionOf(state, 'a');
    putManifest(state, 'b', 20);
    expect(still(state, version)).toEqual(NO_MORE);
  });

  test('that still holds was used', () => {
    const { state } = openState({ maxManifests: 2 });
    putManifest(state, 'a', 10);
    putManifest(state, 'b', 20);
    still(state, versionOf(state, 'b'));
    still(state, versionOf(state, 'a'));
    still(state, versionOf(state, 'a'));
    putManifest(state, 'c', 30);
    expect([getManifest(state, 'a'), getManifest(state, 'b')]).toMatchObject([
      { hit: {} },
      { hit: null },
    ]);
  });

  test('is found by the digests of its forms, and apart from that by those of its contents', () => {
    const { state } = openState();
    putManifest(state, 'k', 10);
    const find = (n: number, role: 'manifest' | 'content') =>
      state.handle({ type: 'manifest.find', digest: digest(n), role });

    expect(find(10, 'manifest')).toMatchObject({ entry: { key: 'k', record: manifestRecord(10) } });
    expect(find(11, 'content')).toMatchObject({ entry: { key: 'k' } });
    expect(find(13, 'content')).toMatchObject({ entry: { key: 'k' } });
    expect(find(10, 'content')).toMatchObject({ entry: null });
    expect(find(13, 'manifest')).toMatchObject({ entry: null });
  });

  test('is no longer found by the digests that a newer put took from it', () => {
    const { state } = openState();
    putManifest(state, 'k', 10);
    putManifest(state, 'k', 20);

    const reply = state.handle({ type: 'manifest.find', digest: digest(10), role: 'manifest' });
    expect(reply).toEqual({ type: 'manifest.find', entry: null });
  });

  test('dropped by the digest of a layer takes along every image with that layer, and no other', () => {
    const { state } = openState();
    putManifest(state, 'with', 10);
    putManifest(state, 'with too', 11);
    putManifest(state, 'without', 50);

    state.handle({ type: 'manifest.drop', target: { digest: digest(13) } });

    const list = state.handle({ type: 'manifest.list', name: null, after: null, limit: 10 });
    expect(keysOf(list)).toEqual(['without']);
  });

  test('may hold a layer twice', () => {
    const { state } = openState();
    const record = { ...manifestRecord(10), layers: [digest(3), digest(3)] };
    state.handle({ type: 'manifest.put', key: 'k', kind: 'pinned', record });

    expect(getManifest(state, 'k')).toMatchObject({ hit: { record } });
  });
});

function filled() {
  const { state } = openState();
  putManifest(state, 'k4', 40, 'shell/jq', 'latest');
  putManifest(state, 'k3', 30, 'shell/git', 'v2');
  putManifest(state, 'k2', 20, 'shell/git', 'latest');
  putManifest(state, 'k1', 10, 'shell/git', 'latest');
  return state;
}

describe('a listing', () => {
  test('goes by name, reference and key, page by page', () => {
    const state = filled();
    const seen: string[] = [];
    let after = null;
    for (;;) {
      const reply = state.handle({ type: 'manifest.list', name: null, after, limit: 2 });
      const last = reply.type === 'manifest.list' ? reply.entries.at(-1) : undefined;
      if (last === undefined) break;
      seen.push(...keysOf(reply));
      const { name, reference } = last.record.request;
      after = { name, reference, key: last.key };
    }

    expect(seen).toEqual(['k1', 'k2', 'k3', 'k4']);
  });

  test('of one name stops at that name', () => {
    const reply = filled().handle({
      type: 'manifest.list',
      name: 'shell/git',
      after: null,
      limit: 9,
    });
    expect(keysOf(reply)).toEqual(['k1', 'k2', 'k3']);
  });

  test('after a name and reference without a key skips all entries of that reference', () => {
    const after = { name: 'shell/git', reference: 'latest' };
    const state = filled();

    const all = state.handle({ type: 'manifest.list', name: null, after, limit: 9 });
    const named = state.handle({ type: 'manifest.list', name: 'shell/git', after, limit: 9 });
    expect([keysOf(all), keysOf(named)]).toEqual([['k3', 'k4'], ['k3']]);
  });

  test('of what holds a blob goes from the last to the first, page by page', () => {
    const { state } = openState();
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
      const record = { ...manifestRecord(10 * (index + 1), name), layers: [digest(5)] };
      state.handle({ type: 'manifest.put', key: name, kind: 'pinned', record });
    }
    const page = (before: number | null, role: BlobRole = 'content') =>
      state.handle({ type: 'manifest.holders', digest: digest(5), role, before, limit: 3 });
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name, i) => ({ name, position: i + 1 }));
    expect(page(null)).toMatchObject({ holders: [d, c, b] });
    expect(page(2)).toMatchObject({ holders: [a] });
    expect(page(1)).toMatchObject({ holders: [] });
    expect(page(null, 'manifest')).toMatchObject({ holders: [] });
  });

  test('of tags names each once, in order', () => {
    const state = filled();
    const tags = (after: string | null, limit: number) =>
      state.handle({ type: 'tag.list', name: 'shell/git', after, limit });

    expect(tags(null, 9)).toEqual({ type: 'tag.list', tags: ['latest', 'v2'] });
    expect(tags('latest', 9)).toEqual({ type: 'tag.list', tags: ['v2'] });
    expect(tags(null, 1)).toEqual({ type: 'tag.list', tags: ['latest'] });
  });

  test('of names names each once, in order', () => {
    const state = filled();
    const names = (after: string | null, limit: number) =>
      state.handle({ type: 'manifest.names', after, limit });

    expect(names(null, 9)).toEqual({ type: 'manifest.names', names: ['shell/git', 'shell/jq'] });
    expect(names('shell/git', 9)).toEqual({ type: 'manifest.names', names: ['shell/jq'] });
    expect(names(null, 1)).toEqual({ type: 'manifest.names', names: ['shell/git'] });
    expect(names('shell/jq', 9)).toEqual({ type: 'manifest.names', names: [] });
  });
});

describe('layers', () => {
  test('are answered in the order of their keys, with null for the unknown', () => {
    const { state } = openState();
    state.handle({ type: 'layer.put', key: 'a', record: layerRecord(1) });
    state.handle({ type: 'layer.put', key: 'b', record: layerRecord(2) });

    expect(getLayers(state, 'b', 'x', 'a')).toEqual({
      type: 'layer.get',
      records: [layerRecord(2), null, layerRecord(1)],
    });
  });

  test('are found and dropped by the digest of their blob', () => {
    const { state } = openState();
    state.handle({ type: 'layer.put', key: 'a', record: layerRecord(1) });
    state.handle({ type: 'layer.put', key: 'b', record: layerRecord(2) });

    const found = state.handle({ type: 'layer.find', digest: digest(1) });
    state.handle({ type: 'layer.drop', target: { digest: digest(1) } });

    expect(found).toEqual({ type: 'layer.find', entry: { key: 'a', record: layerRecord(1) } });
    expect(getLayers(state, 'a', 'b')).toMatchObject({ records: [null, layerRecord(2)] });
  });
});

describe('bounds', () => {
  test('let the least recently used go, reads included', () => {
    const { state } = openState({ maxManifests: 2, maxLayers: 2 });
    putManifest(state, 'a', 10);
    putManifest(state, 'b', 20);
    getManifest(state, 'a');
    putManifest(state, 'c', 30);
    for (const key of ['a', 'b']) {
      state.handle({ type: 'layer.put', key, record: layerRecord(1) });
    }
    getLayers(state, 'a');
    state.handle({ type: 'layer.put', key: 'c', record: layerRecord(3) });

    expect(['a', 'b', 'c'].map((key) => getManifest(state, key))).toMatchObject([
      { hit: {} },
      { hit: null },
      { hit: {} },
    ]);
    expect(getLayers(state, 'a', 'b', 'c')).toMatchObject({ records: [{}, null, {}] });
    expect(state.handle({ type: 'stats' })).toMatchObject({
      stats: { manifests: { entries: 2, evictions: 1 }, layers: { entries: 2, evictions: 1 } },
    });
  });

  test('that were lowered are reached in slices of maintenance', async () => {
    const file = join(await temporaryFolder(), 'cache.db');
    const { state: large } = openState({ file });
    for (let n = 0; n < 30; n += 1) putManifest(large, `k${n}`, n * 10);
    large.close();

    const { state } = openState({ file, maxManifests: 5 });
    const slices = [state.maintain(10), state.maintain(10), state.maintain(10)];

    expect(slices).toEqual([true, true, false]);
    expect(state.handle({ type: 'stats' })).toMatchObject({ stats: { manifests: { entries: 5 } } });
    expect(getManifest(state, 'k29')).toMatchObject({ hit: {} });
  });

  test('of the memory in front only cost a read of the table', () => {
    const { state } = openState({ frontSize: 1 });
    putManifest(state, 'k', 10);

    expect(getManifest(state, 'k')).toMatchObject({ hit: { record: manifestRecord(10) } });
    expect(still(state, versionOf(state, 'k'))).toMatchObject({ freshness: { ageMs: 0 } });
  });
});
