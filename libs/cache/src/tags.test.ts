import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ActorOptions } from './options.ts';
import { CacheState } from './state.ts';
import { temporaryFolder } from './testing/folder.ts';
import { actorOptions } from './testing/options.ts';
import { manifestRecord } from './testing/records.ts';

function openState(options: Partial<ActorOptions> = {}): CacheState {
  const state = new CacheState(actorOptions(options), {
    now: () => 0,
    warn: (warning) => expect.unreachable(JSON.stringify(warning)),
  });
  onTestFinished(() => state.close());
  return state;
}

function note(state: CacheState, name: string, ...tags: readonly string[]): void {
  for (const tag of tags) state.handle({ type: 'tag.put', name, tag });
}

function list(state: CacheState, name: string, after: string | null = null, limit = 100) {
  const reply = state.handle({ type: 'tag.list', name, after, limit });
  return reply.type === 'tag.list' ? reply.tags : [];
}

describe('the tags of a name', () => {
  test('are listed once each, in the order of their bytes, page by page', () => {
    const state = openState();
    note(state, 'git', 'v10', 'v9', 'v10', 'B', 'a');
    note(state, 'jq', 'other');

    expect(list(state, 'git')).toEqual(['B', 'a', 'v10', 'v9']);
    expect(list(state, 'git', null, 2)).toEqual(['B', 'a']);
    expect(list(state, 'git', 'a', 2)).toEqual(['v10', 'v9']);
    expect(list(state, 'nothing')).toEqual([]);
  });

  test('are those that images were put with, too, also after another tag has taken the entry', () => {
    const state = openState();
    for (const tag of ['v1', 'v2']) {
      const record = manifestRecord(10, 'git', tag);
      state.handle({ type: 'manifest.put', key: 'k', kind: 'moving', record });
    }
    state.handle({ type: 'manifest.drop', target: { key: 'k' } });

    expect(list(state, 'git')).toEqual(['v1', 'v2']);
  });

  test('are bounded: the one that was used longest ago goes, and no other name’s', () => {
    const state = openState({ maxTagsOfName: 3 });
    note(state, 'jq', 'old');
    note(state, 'git', 'a', 'b', 'c', 'a', 'd');

    expect(list(state, 'git')).toEqual(['a', 'c', 'd']);
    expect(list(state, 'jq')).toEqual(['old']);
  });

  test('are bounded together with those of all names', () => {
    const state = openState({ maxTags: 3 });
    note(state, 'a', 'v1');
    note(state, 'b', 'v1');
    note(state, 'c', 'v1');
    note(state, 'a', 'v1');
    note(state, 'd', 'v1');

    expect(['a', 'b', 'c', 'd'].map((name) => list(state, name).length)).toEqual([1, 0, 1, 1]);
  });

  test('are there after a restart, the order of their use included, and bounds that were lowered are reached', async () => {
    const file = join(await temporaryFolder(), 'cache.db');
    const first = openState({ file });
    note(first, 'git', 'a', 'b', 'c', 'd', 'a');
    first.close();

    const second = openState({ file, maxTags: 3 });
    expect(list(second, 'git')).toEqual(['a', 'b', 'c', 'd']);
    expect(second.maintain(100)).toBe(false);
    expect(list(second, 'git')).toEqual(['a', 'c', 'd']);
    second.close();

    const third = openState({ file, maxTagsOfName: 2 });
    note(third, 'git', 'e');
    expect(list(third, 'git')).toEqual(['a', 'e']);
  });
});
