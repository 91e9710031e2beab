import { expect, it } from 'vitest';

import { HttpError } from '../http/errors.ts';
import { Turns } from './turns.ts';

it('does one piece of work after the other, also after one that failed', async () => {
  const turns = new Turns(10);
  const done: string[] = [];
  let running = 0;
  async function work(name: string): Promise<string> {
    running += 1;
    expect(running).toBe(1);
    await Promise.resolve();
    running -= 1;
    done.push(name);
    if (name === 'b') throw new Error('b failed');
    return name;
  }
  const results = await Promise.allSettled(['a', 'b', 'c'].map((n) => turns.take(() => work(n))));
  expect(done).toEqual(['a', 'b', 'c']);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('refuses what would wait too long, and takes more once there is room', async () => {
  const turns = new Turns(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = turns.take(() => promise);
  await expect(turns.take(() => Promise.resolve())).rejects.toThrow(HttpError);
  resolve();
  await first;
  expect(await turns.take(() => Promise.resolve('more'))).toBe('more');
});
