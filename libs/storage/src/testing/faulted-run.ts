import { randomBytes, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, type Digest } from '../digest.ts';
import { BlobError } from '../error.ts';
import type { ObjectName } from '../object-name.ts';
import { readBlob } from '../read-blob.ts';
import type { BlobSource, BlobStore } from '../store.ts';
import { LAYER_TYPE, MIB, collect } from './harness.ts';

const LARGEST = 12 * MIB;

/** Random operations on a bucket whose network has faults, and what was seen of the store's promises. */
export interface Run {
  /** How many operations succeeded, and how many failed with an error that says to try later. */
  readonly outcomes: { readonly done: number; readonly failed: number };
  /** Every broken promise. */
  readonly violations: readonly string[];
  /** Does one operation on a store of the bucket. Several may be under way, on stores of their own. */
  step(store: BlobStore, random: () => number): Promise<void>;
  /** Looks at everything that is stored. */
  audit(): Promise<void>;
}

/** Whose operation it is: a store of its own, and what decides what it does. */
interface Actor {
  readonly store: BlobStore;
  readonly random: () => number;
}

/**
 * @param truth - the same bucket, without faults.
 * @param folder - for files to put.
 */
export function createRun(truth: BlobStore, folder: string): Run {
  const blobs: Digest[] = [];
  const records = new Map<ObjectName, Uint8Array>();
  const violations: string[] = [];
  const outcomes = { done: 0, failed: 0 };

  function claim(holds: boolean, promise: string): void {
    if (!holds) violations.push(promise);
  }

  async function settle<T>(operation: Promise<T>): Promise<{ readonly value: T } | null> {
    try {
      const value = await operation;
      outcomes.done += 1;
      return { value };
    } catch (error) {
      const mayPass = error instanceof BlobError && error.code !== 'invalid';
      if (!mayPass) throw error;
      outcomes.failed += 1;
      return null;
    }
  }

  async function put({ store, random }: Actor): Promise<void> {
    const isLarge = random() < 0.2;
    const bytes = randomBytes(Math.floor(random() * (isLarge ? LARGEST : MIB)));
    const digest = digestOf(bytes);
    const putting = await settle(
      store.put(digest, await sourceOf(bytes, isLarge, random), LAYER_TYPE),
    );
    if (putting !== null) blobs.push(digest);
    const { exists } = await truth.stat(digest);
    claim(exists || putting === null, `${digest} is acknowledged and not there`);
    // What failed may be there, since its answer may be lost; but then whole.
    if (exists) await checkBlob(digest);
  }

  async function sourceOf(
    bytes: Uint8Array,
    isLarge: boolean,
    random: () => number,
  ): Promise<BlobSource> {
    if (!isLarge) return { bytes };
    const file = join(folder, randomUUID());
    await writeFile(file, bytes);
    return { file, move: random() < 0.5 };
  }

  async function checkBlob(digest: Digest): Promise<void> {
    try {
      await readBlob(truth, digest, LARGEST);
    } catch (error) {
      violations.push(`${digest} is stored with other bytes: ${String(error)}`);
    }
  }

  async function read(actor: Actor): Promise<void> {
    const { store, random } = actor;
    const digest = blobs[Math.floor(random() * blobs.length)];
    if (digest === undefined) return await put(actor);
    const bytes = await settle(readBlob(store, digest, LARGEST));
    claim(bytes === null || digestOf(bytes.value) === digest, `${digest} is read wrong`);
  }

  async function record({ store, random }: Actor): Promise<void> {
    const name: ObjectName = `builds/v1.${Math.floor(random() * 40)}`;
    const bytes = randomBytes(2000);
    const putting = await settle(store.putObjectIfAbsent(name, bytes));
    if (putting === null) return;
    const stored = putting.value.created ? bytes : putting.value.bytes;
    claim(isEqual(stored, records.get(name) ?? stored), `${name} is not its first writer's`);
    records.set(name, stored);
    await checkRecord(name, stored);
  }

  async function checkRecord(name: ObjectName, bytes: Uint8Array): Promise<void> {
    claim(isEqual(await truth.getObject(name), bytes), `${name} is stored with other bytes`);
  }

  async function look(actor: Actor): Promise<void> {
    const { store, random } = actor;
    const [name, bytes] = [...records][Math.floor(random() * records.size)] ?? [];
    if (name === undefined || bytes === undefined) return await record(actor);
    const seen = await settle(store.getObject(name));
    claim(seen === null || isEqual(seen.value, bytes), `${name} is read wrong`);
  }

  async function list({ store }: Actor): Promise<void> {
    const earlier = [...blobs];
    const listing = await settle(collect(store.list()));
    if (listing === null) return;
    const listed = new Set(listing.value.map(({ digest }) => digest));
    for (const digest of earlier) claim(listed.has(digest), `${digest} is not listed`);
  }

  const operations = [put, put, put, read, read, record, look, list];
  return {
    outcomes,
    violations,
    async step(store, random) {
      const operation = operations[Math.floor(random() * operations.length)] ?? put;
      await operation({ store, random });
    },
    async audit() {
      for (const { digest } of await collect(truth.list())) await checkBlob(digest);
      for (const [name, bytes] of records) await checkRecord(name, bytes);
    },
  };
}

function isEqual(one: Uint8Array | null, other: Uint8Array): boolean {
  return one !== null && Buffer.compare(one, other) === 0;
}
