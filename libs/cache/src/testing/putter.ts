/** A process that puts entries until it is killed, and prints each key once its put is acknowledged. */
import { createCache } from '../index.ts';
import { layerRecord, manifestRecord } from './records.ts';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: putter.ts FILE');

// A busy disk is no failure.
const cache = createCache({ file, askTimeoutMs: 60_000 });
for (let n = 0; ; n += 1) {
  const [manifest, layer] = await Promise.all([
    cache.putManifest(`m${n}`, 'pinned', manifestRecord(n * 10)),
    cache.putLayer(`l${n}`, layerRecord(n * 10)),
  ]);
  if (!manifest || !layer) throw new Error(`put ${n} failed`);
  process.stdout.write(`${n}\n`);
}
