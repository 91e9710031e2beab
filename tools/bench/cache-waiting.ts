/** What a look-up waits for while other things go on. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Echo } from './cache-echo.ts';
import { heading, percentiles, random, row, timed } from './cache-figures.ts';
import { LAYERS_PER_IMAGE, layerKey, layerRecord, manifestKey } from './cache-records.ts';
import { fileSizes, folder, layers, manifests, openCache, someLayerKeys } from './cache-subject.ts';

const WATCH_MS = 15_000;
const PAUSE_MS = 2;
/** ms until the packers are at work. */
const WARM_UP_MS = 2_000;

heading(`look-ups of random entries, some each ${PAUSE_MS} ms, for ${WATCH_MS / 1000} s`);
const cache = openCache();
await watch('idle');
await watchBesidePuts('while 16 put layers without pause', 16);
const packers = ['a', 'b'].map(
  (name) =>
    new Worker(new URL('cache-packer.ts', import.meta.url), { workerData: { folder, name } }),
);
await sleep(WARM_UP_MS);
await watch('under two packers');
await watchBesidePuts('under two packers, while one puts', 1);
await watchBesidePuts('under two packers, while 16 put', 16);
await Promise.all(packers.map((packer) => packer.terminate()));
await cache.stop();

/** Asks the cache, and a thread that only echoes: what that waits for is the machine's doing. */
async function watch(what: string): Promise<void> {
  const echo = new Echo();
  const ofManifest: number[] = [];
  const ofLayers: number[] = [];
  const hops: number[] = [];
  const end = performance.now() + WATCH_MS;
  while (performance.now() < end) {
    const keys = someLayerKeys();
    const key = manifestKey(random(manifests));
    ofManifest.push(await timed(() => cache.getManifest(key)));
    ofLayers.push(await timed(() => cache.getLayers(keys)));
    hops.push(await timed(() => echo.ask(key)), await timed(() => echo.ask(keys)));
    await sleep(PAUSE_MS);
  }
  await echo.stop();
  row(`${what}: a manifest`, percentiles(ofManifest));
  row(`  ${LAYERS_PER_IMAGE} layers`, percentiles(ofLayers));
  row('  only a hop', percentiles(hops));
}

async function watchBesidePuts(what: string, atOnce: number): Promise<void> {
  const stopping = new AbortController();
  const waits: number[] = [];
  async function putOn(): Promise<void> {
    while (!stopping.signal.aborted) {
      const n = layers + random(layers);
      const [key, record] = [layerKey(n), layerRecord(n)];
      waits.push(await timed(() => cache.putLayer(key, record)));
      await nextTurn();
    }
  }
  const puts = Promise.all(Array.from({ length: atOnce }, putOn));
  await watch(what);
  stopping.abort();
  await puts;
  row(`  ${waits.length} puts meanwhile`, percentiles(waits), await fileSizes());
}
