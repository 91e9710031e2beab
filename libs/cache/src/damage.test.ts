import * as fc from 'fast-check';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CacheRequest } from './messages.ts';
import { CacheState } from './state.ts';
import { temporaryFolder } from './testing/folder.ts';
import { actorOptions } from './testing/options.ts';
import { digest, layerRecord, manifestRecord } from './testing/records.ts';

const RUNS = Number(process.env['NIXERY_TEST_RUNS'] ?? 25);
const TIMEOUT_MS = 60_000 + RUNS * 5_000;
const ENTRIES = 40;
const NAME = 'shell/git';

/** SQLite's own header names the format, and is looked at by other tests. {@link https://www.sqlite.org/fileformat2.html} */
const HEADER_BYTES = 100;

function open(file: string, bound = ENTRIES): CacheState {
  return new CacheState(
    // Each look-up reads the table.
    actorOptions({ file, frontSize: 1, maxManifests: bound, maxLayers: bound, maxTags: bound }),
    { now: Date.now, warn: () => undefined },
  );
}

/** A database of manifests, layers and tags, as bytes. */
function filled(file: string): Buffer {
  const state = open(file);
  for (let n = 0; n < ENTRIES; n += 1) {
    const record = manifestRecord(n * 10, NAME, `v${n}`);
    state.handle({ type: 'manifest.put', key: `k${n}`, kind: 'pinned', record });
    state.handle({ type: 'layer.put', key: `k${n}`, record: layerRecord(n) });
  }
  state.close();
  return readFileSync(file);
}

/** Whatever a server may ask, of every entry, so that all pages are met. */
function* requests(): Generator<CacheRequest> {
  for (let n = 0; n < ENTRIES; n += 1) {
    const key = `k${n}`;
    yield { type: 'manifest.get', key, allowStale: true };
    yield { type: 'manifest.find', digest: digest(n * 10), role: 'manifest' };
    yield { type: 'layer.get', keys: [key] };
    yield { type: 'layer.find', digest: digest(n) };
  }
  yield { type: 'manifest.list', name: null, after: null, limit: 1000 };
  yield { type: 'manifest.list', name: NAME, after: null, limit: 1000 };
  yield { type: 'manifest.holders', digest: digest(11), role: 'content', before: null, limit: 9 };
  yield { type: 'manifest.names', after: null, limit: 1000 };
  yield { type: 'tag.list', name: NAME, after: null, limit: 1000 };
  // As many as make the old ones go.
  for (let n = 0; n < ENTRIES; n += 1) {
    const record = manifestRecord(n * 10 + 5, NAME, `w${n}`);
    yield { type: 'manifest.put', key: `new${n}`, kind: 'pinned', record };
    yield { type: 'layer.put', key: `new${n}`, record: layerRecord(n) };
    yield { type: 'manifest.drop', target: { digest: digest(n * 10 + 3) } };
    yield { type: 'layer.drop', target: { digest: digest(n + 20) } };
  }
}

test(
  'whatever bytes of the file are others, the state opens, answers everything, and keeps what it is given',
  { timeout: TIMEOUT_MS },
  async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'cache.db');
    const sound = filled(join(folder, 'sound.db'));
    const change = fc.record({
      at: fc.integer({ min: HEADER_BYTES, max: sound.length - 1 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
    });

    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = Buffer.from(sound);
        for (const { at, bytes } of changes) damaged.set(bytes.slice(0, damaged.length - at), at);
        for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
        writeFileSync(file, damaged);

        // Two fewer than there are, so that the order of use is read as well.
        const state = open(file, ENTRIES - 2);
        try {
          state.maintain(1000);
          for (const request of requests()) state.handle(request);
          const record = manifestRecord(0);
          state.handle({ type: 'manifest.put', key: 'last', kind: 'pinned', record });
          const found = state.handle({ type: 'manifest.get', key: 'last', allowStale: false });
          expect(found).toMatchObject({ hit: { record } });
        } finally {
          state.close();
        }
      }),
      { numRuns: RUNS },
    );
  },
);
