import * as fc from 'fast-check';
import type { CacheRequest } from '../messages.ts';
import { manifestKinds } from '../records.ts';
import { digest, indexRecord, layerRecord, manifestRecord } from './records.ts';

/** ms, of all states under test: the steps of time below are chosen around it. */
export const RECENCY_MS = 100_000;

/** What may happen to a state. */
export type Event =
  | { readonly type: 'request'; readonly request: CacheRequest }
  /** A look-up of the forms by somebody who remembers what was found before. */
  | { readonly type: 'forms'; readonly key: string; readonly allowStale: boolean }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'maintain' }
  /** `clean`: closed and opened. Else what a kill leaves on disk is opened. */
  | { readonly type: 'reopen'; readonly clean: boolean };

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const blob = fc.integer({ min: 1, max: 8 }).map(digest);
const name = fc.constantFrom('git', 'jq');
const reference = fc.constantFrom('latest', 'v1', 'v2');
const tag = fc.constantFrom('latest', 'v1', 'v2', 'v3', 'v4');
const limit = fc.integer({ min: 1, max: 4 });
const target = fc.oneof(fc.record({ key }), fc.record({ digest: blob }));
const manifest = fc
  .tuple(fc.integer({ min: 1, max: 6 }), name, reference, fc.boolean())
  .map(([n, name, reference, isIndex]) =>
    isIndex ? indexRecord(n, name, reference) : manifestRecord(n, name, reference),
  );
const cursor = fc.record({ name, reference, key }, { requiredKeys: ['name', 'reference'] });

const request: fc.Arbitrary<CacheRequest> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('manifest.put' as const),
      key,
      kind: fc.constantFrom(...manifestKinds),
      record: manifest,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('manifest.get' as const),
      key,
      allowStale: fc.boolean(),
    }),
  },
  fc.record({ type: fc.constant('manifest.drop' as const), target }),
  fc.record({
    type: fc.constant('manifest.find' as const),
    digest: blob,
    role: fc.constantFrom('manifest' as const, 'content' as const),
  }),
  fc.record({
    type: fc.constant('manifest.list' as const),
    name: fc.option(name),
    after: fc.option(cursor),
    limit,
  }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('tag.put' as const), name, tag }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('tag.list' as const),
      name,
      after: fc.option(tag),
      limit,
    }),
  },
  fc.record({ type: fc.constant('manifest.names' as const), after: fc.option(name), limit }),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('layer.put' as const),
      key,
      record: fc.integer({ min: 1, max: 8 }).map(layerRecord),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('layer.get' as const),
      keys: fc.array(key, { maxLength: 4 }),
    }),
  },
  fc.record({ type: fc.constant('layer.drop' as const), target }),
  fc.record({ type: fc.constant('layer.find' as const), digest: blob }),
);

/** Few keys, blobs and names, so that they meet often. */
export const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ type: fc.constant('request' as const), request }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('forms' as const),
      key,
      allowStale: fc.boolean(),
    }),
  },
  fc.record({
    type: fc.constant('advance' as const),
    ms: fc.constantFrom(1, 60_000, RECENCY_MS - 1, RECENCY_MS, -60_000, -60_001),
  }),
  fc.record({ type: fc.constant('maintain' as const) }),
  fc.record({ type: fc.constant('reopen' as const), clean: fc.boolean() }),
);
