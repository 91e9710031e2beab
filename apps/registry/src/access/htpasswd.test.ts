import { describe, expect, it } from 'vitest';

import { AccessFileError } from './access-file.ts';
import { costliest, parseHtpasswd } from './htpasswd.ts';

/** Made by libxcrypt, which knows nothing of the library that checks them here. */
const ALICE = '$2y$05$abcdefghijklmnopqrstuuV7fpPozvyqJfnY19y0802WTlXUm6Rjy';
const BOB = '$2b$06$ZZcdefghijklmnopqrstuua8bkbsiNJ641uyMbPYaNI2sVO4zh2Ra';

describe('a htpasswd file', () => {
  it('gives users and their bcrypt hashes, without comments and empty lines', () => {
    const users = parseHtpasswd(`# who may pull\n\nalice:${ALICE}\r\n  bob:${BOB}  \n`);
    expect([...users]).toEqual([
      ['alice', ALICE],
      ['bob', BOB],
    ]);
  });

  it('counts the first of two lines for one user, as Apache does', () => {
    expect(parseHtpasswd(`alice:${ALICE}\nalice:${BOB}\n`).get('alice')).toBe(ALICE);
  });

  it.for([
    ['MD5', 'alice:$apr1$abcdefgh$abcdefghijklmnopqrstu1'],
    ['SHA-1', 'alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='],
    ['plain text', 'alice:correct-horse'],
    ['a bcrypt hash cut short', `alice:${ALICE.slice(0, -1)}`],
  ])('refuses %s, names line and user, and says what to do, without the secret', ([, line]) => {
    const parse = () => parseHtpasswd(`\n${line}`);
    expect(parse).toThrow(AccessFileError);
    expect(parse).toThrow(/^line 2: the password of "alice" .*htpasswd -B FILE alice$/);
    expect(parse).not.toThrow(String(line).slice('alice:'.length));
  });

  it('refuses a cost that would take a processor for seconds a password', () => {
    expect(() => parseHtpasswd(`alice:${ALICE.replace('$05$', '$16$')}`)).toThrow(/cost is 16/);
  });

  it.for(['alice', ':hash', 'alice:'])('refuses the line %j', (line) => {
    expect(() => parseHtpasswd(line)).toThrow('line 1 is not "user:secret"');
  });

  it('tells the hash that takes the longest to check', () => {
    expect(costliest(parseHtpasswd(`alice:${ALICE}\nbob:${BOB}\n`))).toBe(BOB);
    expect(costliest(parseHtpasswd(''))).toBeUndefined();
  });
});
