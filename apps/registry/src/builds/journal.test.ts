import { Build, BuildError, parseImageName } from '@nixery/builder';
import type { LayerRecord } from '@nixery/cache';
import { describe, expect, it } from 'vitest';

import { BuildJournal } from './journal.ts';

function begin(journal: BuildJournal, name = 'git'): Build {
  const build = new Build(parseImageName(name, 'latest'), 'request');
  journal.note({ type: 'started', build });
  return build;
}

const DIGEST = `sha256:${'0'.repeat(64)}` as const;
const RECORD: LayerRecord = {
  digest: DIGEST,
  diffId: DIGEST,
  size: 120,
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  paths: [],
};

describe('the journal of builds', () => {
  it('shows a build from its beginning, with its layers as they come', () => {
    const journal = new BuildJournal();
    const build = begin(journal);
    expect(journal.get(build.id)).toMatchObject({ state: 'running', stage: null, layers: [] });

    journal.note({ type: 'stage', build, stage: 'pack' });
    const path = `/nix/store/${'a'.repeat(32)}-hello-1`;
    journal.note({
      type: 'planned',
      build,
      layers: [
        { key: 'k1', paths: [path], narBytes: 500 },
        { key: 'k2', paths: [], narBytes: 0 },
      ],
    });
    journal.note({ type: 'packed', build, key: 'k1', bytes: 120 });
    journal.note({ type: 'layer', build, key: 'k2', origin: 'known', record: RECORD });
    expect(journal.get(build.id)).toMatchObject({
      stage: 'pack',
      layers: [
        { paths: ['hello-1'], narBytes: 500, state: 'packed', origin: null, bytes: 120 },
        { paths: [], state: 'stored', origin: 'known', bytes: 120 },
      ],
    });
  });

  it('shows that a build waits for its turn, until it has it or is over', () => {
    const journal = new BuildJournal();
    const build = begin(journal);
    journal.note({ type: 'stage', build, stage: 'evaluate' });
    const states = [true, false, true].map((isQueued) => {
      journal.note({ type: 'queue', build, isQueued });
      return journal.get(build.id)?.state;
    });
    expect(states).toEqual(['queued', 'running', 'queued']);
    journal.note({ type: 'failed', build, error: new BuildError('stopping', 'it stops') });
    expect(journal.get(build.id)?.state).toBe('failed');
  });

  it('keeps what went wrong', () => {
    const journal = new BuildJournal();
    const build = begin(journal);
    const error = new BuildError('build-failed', 'it failed', { derivation: 'd', log: ['last'] });
    journal.note({ type: 'failed', build, error });
    expect(journal.get(build.id)).toMatchObject({
      state: 'failed',
      failure: { code: 'build-failed', message: 'it failed', derivation: 'd', log: ['last'] },
    });
  });

  it('keeps to itself what is wrong with the server', () => {
    const journal = new BuildJournal();
    const build = begin(journal);
    const error = new BuildError('internal', 'cannot open /srv/secret');
    journal.note({ type: 'failed', build, error });
    expect(JSON.stringify(journal.get(build.id))).not.toContain('secret');
  });

  it('tells those who follow a build, of that build, until they leave', () => {
    const journal = new BuildJournal();
    const [one, other] = [begin(journal), begin(journal)];
    let told = 0;
    const leave = journal.follow(one.id, () => (told += 1));
    journal.note({ type: 'stage', build: one, stage: 'fetch' });
    journal.note({ type: 'stage', build: other, stage: 'fetch' });
    expect(told).toBe(1);
    leave();
    journal.note({ type: 'stage', build: one, stage: 'evaluate' });
    expect(told).toBe(1);
  });

  it('lists the newest first, and forgets ended builds but never one that runs', () => {
    const journal = new BuildJournal();
    const running = begin(journal);
    for (let i = 0; i < 300; i++) {
      const build = begin(journal);
      journal.note({ type: 'failed', build, error: new BuildError('timeout', String(i)) });
    }
    const list = journal.list();
    expect(list).toHaveLength(201);
    expect(list[0]?.failure?.message).toBe('299');
    expect(list.at(-1)?.id).toBe(running.id);
  });
});
