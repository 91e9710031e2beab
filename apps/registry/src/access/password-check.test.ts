import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Htpasswd, parseHtpasswd } from './htpasswd.ts';
import { PasswordCheck } from './password-check.ts';

const users: Htpasswd = parseHtpasswd(`
alice:$2y$05$abcdefghijklmnopqrstuuV7fpPozvyqJfnY19y0802WTlXUm6Rjy
bob:$2b$06$ZZcdefghijklmnopqrstuua8bkbsiNJ641uyMbPYaNI2sVO4zh2Ra
`);

let check: PasswordCheck;
beforeAll(() => {
  check = new PasswordCheck({
    onError: (error) => {
      throw error;
    },
  });
});
afterAll(() => check.close());

function ask(user: string, password: string, known = users, client = user): Promise<string> {
  return check.check(known, { user, password }, client);
}

describe('a password', () => {
  it('is right where its hash is, whichever program made that', async () => {
    expect(await ask('alice', 's3cret-pass')).toBe('right');
    expect(await ask('bob', 'hunter2-örtchen')).toBe('right');
    // From memory.
    expect(await ask('alice', 's3cret-pass')).toBe('right');
  });

  it('is wrong else, also for users that do not exist', async () => {
    expect(await ask('alice', 's3cret-pass ')).toBe('wrong');
    expect(await ask('alice', '')).toBe('wrong');
    expect(await ask('bob', 's3cret-pass')).toBe('wrong');
    // bob's hash is the one that strangers are measured by.
    expect(await ask('mallory', 'hunter2-örtchen')).toBe('wrong');
    expect(await ask('alice', 's3cret-pass', new Map())).toBe('wrong');
  });

  it('that was right is wrong once the hash is another', async () => {
    expect(await ask('alice', 's3cret-pass')).toBe('right');
    const changed = new Map([['alice', String(users.get('bob'))]]);
    expect(await ask('alice', 's3cret-pass', changed)).toBe('wrong');
  });

  it('is checked once for all who ask with it at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask('bob', 'all the same', users, 'one client')),
    );
    expect(new Set(answers)).toEqual(new Set(['wrong']));
  });

  it('is not checked for a client that has others checked; those who are known do not notice', async () => {
    const guesses = Array.from({ length: 50 }, (_, i) =>
      ask('bob', `guess ${i}`, users, 'guesser'),
    );
    expect(await ask('alice', 's3cret-pass', users, 'alice')).toBe('right');
    const answers = await Promise.all(guesses);
    expect(answers.filter((answer) => answer === 'busy')).toHaveLength(48);
    expect(await ask('bob', 'another guess', users, 'guesser')).toBe('wrong');
  });

  it('is not checked when too many are waiting', async () => {
    const guesses = Array.from({ length: 40 }, (_, i) =>
      ask('bob', `again ${i}`, users, `client ${i}`),
    );
    const answers = await Promise.all(guesses);
    expect(answers.filter((answer) => answer === 'busy')).toHaveLength(8);
  });
});
