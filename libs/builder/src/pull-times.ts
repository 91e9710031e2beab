import { randomUUID } from 'node:crypto';

import type { Digest, ObjectName, ObjectStore } from '@nixery/storage';
import { z } from 'zod';

import { RECORD_PREFIXES } from './record-names.ts';

/** A pull takes 90 bytes of JSON, and an object may have a mebibyte. */
const PULLS_AN_OBJECT = 10_000;

const digest = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
/** `since`: pulls from then on are in some object. Times in ms since the epoch. */
const pullsSchema = z.object({ since: z.int(), pulls: z.array(z.tuple([digest, z.int()])) });

/** When manifests were last pulled, as far as known (ms since the epoch). */
export interface PullTimes {
  /** What was pulled before this is not known; null: nothing is. */
  readonly since: number | null;
  readonly times: ReadonlyMap<Digest, number>;
}

/** Adds pulls to those in the storage. */
export async function writePulls(
  store: ObjectStore,
  { since, times }: PullTimes & { readonly since: number },
): Promise<readonly ObjectName[]> {
  const pulls = [...times];
  const names: ObjectName[] = [];
  for (let start = 0; start === 0 || start < pulls.length; start += PULLS_AN_OBJECT) {
    const part = { since, pulls: pulls.slice(start, start + PULLS_AN_OBJECT) };
    const name: ObjectName = `${RECORD_PREFIXES.pulls}${randomUUID()}`;
    await store.putObjectIfAbsent(name, Buffer.from(JSON.stringify(part)));
    names.push(name);
  }
  return names;
}

/** All pulls that servers have noted, and the objects that say so. */
export async function readPulls(
  store: ObjectStore,
): Promise<PullTimes & { readonly objects: readonly ObjectName[] }> {
  const objects: ObjectName[] = [];
  const times = new Map<Digest, number>();
  let since: number | null = null;
  for await (const { name } of store.listObjects(RECORD_PREFIXES.pulls)) {
    const bytes = await store.getObject(name);
    const read = bytes && parsePulls(bytes);
    if (read === null) continue;
    objects.push(name);
    since = Math.min(since ?? read.since, read.since);
    for (const [digest, at] of read.pulls) {
      times.set(digest, Math.max(times.get(digest) ?? 0, at));
    }
  }
  return { since, times, objects };
}

function parsePulls(bytes: Uint8Array): z.infer<typeof pullsSchema> | null {
  try {
    return pullsSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return null;
  }
}
