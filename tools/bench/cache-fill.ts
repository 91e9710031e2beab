/** Fills both maps. */
import { heading, percentiles, row, timed } from './cache-figures.ts';
import { layerKey, layerRecord, manifestKey, manifestRecord } from './cache-records.ts';
import { fileSizes, layers, manifests, openCache } from './cache-subject.ts';

const PUTS_AT_ONCE = 16;

const cache = openCache();
heading(`filling, ${PUTS_AT_ONCE} puts at once`);
await fill('layers', layers, (n) => cache.putLayer(layerKey(n), layerRecord(n)));
await fill('manifests', manifests, (n) =>
  cache.putManifest(manifestKey(n), 'pinned', manifestRecord(n, layers)),
);
const stopMs = await timed(() => cache.stop());
row('stop', `${stopMs.toFixed(0)} ms`, await fileSizes());

async function fill(
  what: string,
  count: number,
  put: (n: number) => Promise<boolean>,
): Promise<void> {
  const waits: number[] = [];
  let next = 0;
  async function putOnes(): Promise<void> {
    while (next < count) {
      const n = next++;
      waits.push(
        await timed(async () => {
          if (!(await put(n))) throw new Error(`a put of ${what} failed`);
        }),
      );
    }
  }
  const ms = await timed(() => Promise.all(Array.from({ length: PUTS_AT_ONCE }, putOnes)));
  const rate = Math.round((count / ms) * 1000);
  row(what, `${rate} a second`, percentiles(waits), await fileSizes());
}
