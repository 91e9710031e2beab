import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { openDatabase, readNumber } from './database.ts';
import type { CacheWarning } from './events.ts';
import { SCHEMA_VERSION } from './schema.ts';
import { temporaryFolder } from './testing/folder.ts';

const NOW = Date.UTC(2026, 10, 23, 19, 5, 7, 89);

function open(file: string, now = NOW) {
  const warnings: CacheWarning[] = [];
  const db = openDatabase(
    file,
    () => now,
    (warning) => warnings.push(warning),
  );
  return { db, warnings };
}

describe('openDatabase', () => {
  test('makes the file and its folders, and opens it again without a word', async () => {
    const file = join(await temporaryFolder(), 'a', 'b', 'cache.db');
    open(file).db.close();

    const { db, warnings } = open(file);

    expect(readNumber(db, 'PRAGMA user_version')).toBe(SCHEMA_VERSION);
    expect(warnings).toEqual([]);
    db.close();
  });

  test('keeps what SQLite promises: WAL, and syncs only at checkpoints, which are not its own to start', async () => {
    const { db } = open(join(await temporaryFolder(), 'cache.db'));

    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(readNumber(db, 'PRAGMA synchronous')).toBe(1);
    expect(readNumber(db, 'PRAGMA wal_autocheckpoint')).toBe(0);
    db.close();
  });

  test('sets a file aside that is no database', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'cache.db');
    await writeFile(file, 'this was never SQLite '.repeat(500));

    const { db, warnings } = open(file);

    expect(warnings).toEqual([
      {
        type: 'database-set-aside',
        reason: 'corrupt',
        movedTo: `${file}.corrupt-20261123T190507Z`,
        detail: 'file is not a database',
      },
    ]);
    expect(readNumber(db, 'SELECT count(*) FROM manifests')).toBe(0);
    db.close();
    expect((await readdir(folder)).sort()).toEqual([
      'cache.db',
      'cache.db.corrupt-20261123T190507Z',
    ]);
  });

  test('keeps only the newest of the corrupt files', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'cache.db');
    await writeFile(file, 'first '.repeat(500));
    open(file).db.close();
    await writeFile(file, 'second '.repeat(500));
    open(file, NOW + 60_000).db.close();

    expect((await readdir(folder)).sort()).toEqual([
      'cache.db',
      'cache.db.corrupt-20261123T190607Z',
    ]);
  });

  test.each([SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])(
    'sets a database of version %d aside',
    async (version) => {
      const file = join(await temporaryFolder(), 'cache.db');
      const other = new DatabaseSync(file);
      other.exec(`CREATE TABLE manifests (a); PRAGMA user_version = ${version}`);
      other.close();

      const { db, warnings } = open(file);

      const movedTo = `${file}.v${version}`;
      expect(warnings).toMatchObject([{ type: 'database-set-aside', reason: 'version', movedTo }]);
      expect(readNumber(db, 'SELECT count(*) FROM layers')).toBe(0);
      db.close();
      const aside = new DatabaseSync(movedTo);
      expect(readNumber(aside, 'SELECT count(*) FROM manifests')).toBe(0);
      aside.close();
    },
  );

  test('sets a database aside that has our version but not our tables', async () => {
    const file = join(await temporaryFolder(), 'cache.db');
    const other = new DatabaseSync(file);
    other.exec(`CREATE TABLE recipes (a); PRAGMA user_version = ${SCHEMA_VERSION}`);
    other.close();

    const { db, warnings } = open(file);

    expect(warnings).toMatchObject([{ type: 'database-set-aside', reason: 'corrupt' }]);
    db.close();
  });

  test('leaves a file alone that another program has locked', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'cache.db');
    const { db: owner } = open(file);
    owner.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');

    expect(() => open(file)).toThrow(
      expect.objectContaining({
        name: 'CacheError',
        code: 'database',
        message: `cannot open ${file}: database is locked`,
      }),
    );

    expect((await readdir(folder)).filter((name) => name.includes('corrupt'))).toEqual([]);
    owner.exec("INSERT INTO layers (key, digest, used, record) VALUES ('k', x'00', 1, '{}')");
    owner.close();
  });

  test('says which path it cannot open', async () => {
    const folder = await temporaryFolder();

    expect(() => open(folder)).toThrow(
      expect.objectContaining({ code: 'database', message: expect.stringContaining(folder) }),
    );
  });
});
