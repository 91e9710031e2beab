import { env } from 'node:process';

import { describe, expect, test } from 'vitest';

import { runApt } from './apt.ts';

describe('runApt', () => {
  test('tells the errors of a program, and not what it warns of', async () => {
    const script = 'echo "W: as root" >&2; echo "E: refused" >&2; exit 100';
    await expect(runApt('sh', ['-c', script], env)).rejects.toMatchObject({
      code: 'apt-failed',
      message: 'sh -c failed: E: refused',
    });
  });

  test('ends a program that waits for ever', async () => {
    await expect(runApt('sleep', ['600'], env, 100)).rejects.toMatchObject({
      code: 'apt-failed',
      message: 'sleep 600 failed: it took longer than 0.1 s. Is there room on the disk?',
    });
  });
});
