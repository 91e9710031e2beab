import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { readNumber } from './database.ts';
import { transaction } from './transaction.ts';

test('a transaction that throws leaves nothing behind, and the next one works', () => {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY)');
  const insert = db.prepare('INSERT INTO t VALUES (?)');
  const twice = () => [insert.run(1), insert.run(1)];

  expect(() => transaction(db, twice)).toThrow('UNIQUE constraint failed: t.n');
  expect(readNumber(db, 'SELECT count(*) FROM t')).toBe(0);
  transaction(db, () => insert.run(1));
  expect(readNumber(db, 'SELECT count(*) FROM t')).toBe(1);
  db.close();
});
