import { open as openFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { readNumber } from './database.ts';
import type { CacheWarning } from './events.ts';
import { temporaryFolder } from './testing/folder.ts';
import { layerRecord, manifestRecord } from './testing/records.ts';
import {
  getLayers,
  getManifest,
  NO_MORE,
  openState,
  putManifest,
  still,
  versionOf,
} from './testing/state.ts';

test('everything is as it was after closing and opening, the order of use included', async () => {
  const file = join(await temporaryFolder(), 'cache.db');
  const { state: first } = openState({ file, maxManifests: 2 });
  putManifest(first, 'a', 10);
  putManifest(first, 'b', 20);
  getManifest(first, 'a');
  first.handle({ type: 'layer.put', key: 'l', record: layerRecord(1) });
  first.close();

  const { state } = openState({ file, maxManifests: 2 });
  expect(getLayers(state, 'l')).toMatchObject({ records: [layerRecord(1)] });
  putManifest(state, 'c', 30);
  expect([getManifest(state, 'a'), getManifest(state, 'b')]).toMatchObject([
    { hit: { record: manifestRecord(10), ageMs: 0 } },
    { hit: null },
  ]);
});

test('a record that no longer fits is a miss, reported and dropped once', async () => {
  const file = join(await temporaryFolder(), 'cache.db');
  const { state: first } = openState({ file });
  putManifest(first, 'bad', 10);
  putManifest(first, 'good', 20);
  first.handle({ type: 'layer.put', key: 'bad', record: layerRecord(1) });
  first.close();
  const db = new DatabaseSync(file);
  db.exec(`UPDATE manifests SET record = '{"forms":{}}' WHERE key = 'bad'`);
  db.exec(`UPDATE layers SET record = '{"digest":' WHERE key = 'bad'`);
  db.close();

  const { state, warnings } = openState({ file });
  const replies = [
    getManifest(state, 'bad'),
    getManifest(state, 'bad'),
    getManifest(state, 'good'),
  ];

  expect(replies).toMatchObject([{ hit: null }, { hit: null }, { hit: {} }]);
  expect(getLayers(state, 'bad')).toMatchObject({ records: [null] });
  expect(warnings).toMatchObject([
    { type: 'record-dropped', map: 'manifests', key: 'bad' },
    { type: 'record-dropped', map: 'layers', key: 'bad' },
  ]);
  expect(state.handle({ type: 'stats' })).toMatchObject({
    stats: { manifests: { entries: 1 }, layers: { entries: 0 } },
  });
});

test.each([
  { description: 'while the tables are opened', name: 'manifests_used', warned: 1 },
  { description: 'in use', name: 'manifests', warned: 0 },
])('damage that shows $description costs the entries, not a request', async ({ name, warned }) => {
  const file = await damagedFile(name);
  const { state, warnings } = openState({ file });
  const warnedAtOpen = warnings.length;
  const last = getManifest(state, 'k499');
  putManifest(state, 'new', 10);

  expect(warnedAtOpen).toBe(warned);
  expect(last).toEqual({ type: 'manifest.get', hit: null });
  expect(getManifest(state, 'new')).toMatchObject({ hit: { record: manifestRecord(10) } });
  expect(state.handle({ type: 'stats' })).toMatchObject({
    stats: { manifests: { entries: 1 } },
  });
  expect(warnings).toMatchObject([{ type: 'database-set-aside', reason: 'corrupt' }]);
  await expect(stat(movedTo(warnings))).resolves.toBeTruthy();
});

test('what damage has cost is not taken for what comes after', async () => {
  const file = await damagedFile('manifests');
  const { state, warnings } = openState({ file });
  const known = versionOf(state, 'k0');
  getManifest(state, 'k499');
  expect(warnings).toMatchObject([{ type: 'database-set-aside' }]);
  putManifest(state, 'new', 10);
  expect(still(state, known)).toEqual(NO_MORE);
  expect(versionOf(state, 'new')).toBeGreaterThan(known);
});

/** A database of `k0` to `k499`, with the last page of this table's or index's entries overwritten. */
async function damagedFile(name: string): Promise<string> {
  const file = join(await temporaryFolder(), 'cache.db');
  const { state } = openState({ file });
  for (let n = 0; n < 500; n += 1) putManifest(state, `k${n}`, n * 10);
  state.close();
  await overwriteLastLeaf(file, name);
  return file;
}

/** Damages the last page of a table's or an index's entries. {@link https://www.sqlite.org/dbstat.html} */
async function overwriteLastLeaf(file: string, name: string): Promise<void> {
  const db = new DatabaseSync(file);
  const page = `SELECT max(pageno) FROM dbstat WHERE name = '${name}' AND pagetype = 'leaf'`;
  const number = readNumber(db, page);
  const size = readNumber(db, 'PRAGMA page_size');
  db.close();
  const handle = await openFile(file, 'r+');
  await handle.write(Buffer.alloc(size, 0xa5), 0, size, (number - 1) * size);
  await handle.close();
}

function movedTo(warnings: readonly CacheWarning[]): string {
  const warning = warnings.find((warning) => warning.type === 'database-set-aside');
  return warning?.movedTo ?? '';
}
