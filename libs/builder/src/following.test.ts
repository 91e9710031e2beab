import { randomUUID } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { BuildEvent } from './build.ts';
import { parseImageName } from './image-name.ts';
import { createHarness, type Harness } from './testing/harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness({}, randomUUID());
});
afterEach(async () => {
  await harness.stop();
  await harness.remove();
});

function pull(name: string) {
  return harness.builder.image(parseImageName(name, 'latest'));
}

function ofType<T extends BuildEvent['type']>(
  type: T,
): readonly Extract<BuildEvent, { type: T }>[] {
  return harness.events.filter(
    (event): event is Extract<BuildEvent, { type: T }> => event.type === type,
  );
}

describe('who follows a build', () => {
  it('is told of each stage as it begins, of the layers to come, and of each layer', async () => {
    const record = await pull('sharesa');
    expect(ofType('stage').map(({ stage }) => stage)).toEqual([
      'resolve',
      'fetch',
      'evaluate',
      'realise',
      'pack',
      'compose',
    ]);
    const planned = ofType('planned').flatMap(({ layers }) => layers);
    const stored = new Map(ofType('layer').map((event) => [event.key, event]));
    expect(planned.map(({ key }) => stored.get(key)?.record.digest)).toEqual(record.layers);
    const packed = new Map(ofType('packed').map(({ key, bytes }) => [key, bytes]));
    for (const { key, paths, narBytes } of planned) {
      expect(packed.get(key)).toBe(stored.get(key)?.record.size);
      expect(stored.get(key)?.origin).toBe('packed');
      expect(narBytes > 0).toBe(paths.length > 0);
    }
  });

  it('sees which layers were there before', async () => {
    await pull('sharesa');
    const before = harness.events.length;
    await pull('sharesb');
    const later = harness.events.slice(before).filter((event) => event.type === 'layer');
    expect(new Set(later.map(({ origin }) => origin))).toEqual(new Set(['known', 'packed']));
  });

  it('counts nobody who waits no more', async () => {
    const leaves: (() => void)[] = [];
    const asker = { onBuild: (_id: string, leave: () => void) => leaves.push(leave) };
    const pulls = ['slow3/hello', 'hello/slow3'].map((name) =>
      harness.builder.image(parseImageName(name, 'latest'), 'oci', asker),
    );
    await expect.poll(() => ofType('started')[0]?.build.waiting).toBe(2);
    for (const leave of [...leaves, ...leaves]) leave();
    expect(ofType('started')[0]?.build.waiting).toBe(0);
    await Promise.all(pulls);
    expect(ofType('started')[0]?.build.waiting).toBe(0);
  });

  it('sees how many wait', async () => {
    const pulls = [pull('slow2/hello'), pull('hello/slow2'), pull('slow2/hello')];
    await expect.poll(() => ofType('started')[0]?.build.waiting).toBe(3);
    await Promise.all(pulls);
    expect(ofType('started')[0]?.build.waiting).toBe(0);
  });
});
