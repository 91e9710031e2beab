/**
 * A thread that does what packing does, until it is ended: reads files, hashes and gzips them, hashes the result, and
 * writes it to a spool file, which is synced and removed.
 */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';

const LAYER_BYTES = 32 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

// As packing threads do.
setPriority(0, 10);

const { folder, name } = z.object({ folder: z.string(), name: z.string() }).parse(workerData);
// A large file that is certainly there: the program that runs this.
const content = readFileSync(process.execPath);

for (let layer = 0; ; layer += 1) {
  const spool = join(folder, `${name}-${layer}`);
  const file = openSync(spool, 'wx');
  const diffId = createHash('sha256');
  const digest = createHash('sha256');
  for (let at = 0; at < LAYER_BYTES; at += CHUNK_BYTES) {
    const chunk = content.subarray(at, at + CHUNK_BYTES);
    const zipped = gzipSync(chunk, { level: 6 });
    diffId.update(chunk);
    digest.update(zipped);
    writeSync(file, zipped);
  }
  fsyncSync(file);
  closeSync(file);
  rmSync(spool);
}
