import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packLayer } from './pack.ts';

const run = promisify(execFile);
const PATH = '/nix/store/00000000000000000000000000000000-huge';

/** A byte more than a tar header has digits for, and twice what a gzip trailer can count. */
const SIZE = 8 * 1024 ** 3 + 1;

test('a sparse file of more than 8 GiB is packed in full, to the same bytes everywhere', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nixery-huge-'));
  try {
    mkdirSync(join(dir, basename(PATH)));
    const file = join(dir, basename(PATH), 'file');
    writeFileSync(file, '');
    truncateSync(file, SIZE);
    const spoolFile = join(dir, 'spool');
    const compression = { format: 'gzip', level: 1 } as const;
    const result = packLayer({ paths: [PATH], storeDir: dir, spoolFile, compression });
    expect(result).toMatchObject({
      ok: true,
      layer: { diffId: 'sha256:d6ee05fedc9c615891e2a31d1d2c7f383d957759db4ad61dbd0f6bc4efd736a9' },
    });
    // Reads to the end, so that it checks length and checksum as well.
    const { stdout } = await run('tar', ['-tvzf', spoolFile]);
    expect(stdout).toMatch(new RegExp(`^-r--r--r-- 0/0 +${SIZE} 1970-01-01 .*-huge/file$`, 'm'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}, 600_000);
