import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../digest.ts';
import { createFilesystemStore } from '../filesystem/store.ts';

// A process to be killed: puts one blob after another, in every way, and prints the digest of each that is stored.

const [root = '', spool = ''] = process.argv.slice(2);
const store = await createFilesystemStore({ root });
const file = join(spool, 'content');
for (let count = 0; ; count += 1) {
  const bytes = randomBytes(2 * 1024 * 1024);
  const digest = digestOf(bytes);
  await writeFile(file, bytes);
  await store.put(
    digest,
    count % 3 === 0 ? { bytes } : { file, move: count % 3 === 1 },
    'application/octet-stream',
  );
  await store.putObjectIfAbsent(`builds/${count}`, Buffer.from(digest));
  console.log(digest);
}
