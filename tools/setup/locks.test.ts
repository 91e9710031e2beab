import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { oneAtATime } from './locks.mjs';

test('what several do at once in one folder is done one after the other', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'nixery-locks-'));
  try {
    const file = path.join(folder, 'file');
    // Closes what it has inherited, as TypeScript's compiler does.
    const closing = 'for fd in 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done';
    const script = 'for n in 1 2 3 4 5 6 7 8 9; do echo "$0" >>"$1"; sleep 0.01; done';
    const names = ['a', 'b', 'c'];
    await Promise.all(
      names.map(async (name) => {
        const command = ['sh', '-c', `${closing}; ${script}`, name, file];
        const [program = '', ...args] = oneAtATime('name', command, process.env, folder);
        await promisify(execFile)(program, args);
      }),
    );
    const runs = readFileSync(file, 'utf8')
      .replaceAll('\n', '')
      .match(/(.)\1*/g);
    expect(runs?.toSorted()).toEqual(names.map((name) => name.repeat(9)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
