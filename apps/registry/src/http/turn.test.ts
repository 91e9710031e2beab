import { setImmediate } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { Turn } from './turn.ts';

it('does what is put off at the end of the turn, in order, and each once', async () => {
  const turn = new Turn();
  const done: string[] = [];
  turn.put(() => done.push('first'));
  await Promise.resolve();
  turn.put(() => done.push('second'));
  expect(done).toEqual([]);
  await setImmediate();
  expect(done).toEqual(['first', 'second']);
});

it('does in the next turn what is put off meanwhile', async () => {
  const turn = new Turn();
  const done: string[] = [];
  turn.put(() => {
    done.push('first');
    turn.put(() => done.push('second'));
  });
  await setImmediate();
  expect(done).toEqual(['first']);
  await setImmediate();
  expect(done).toEqual(['first', 'second']);
});
