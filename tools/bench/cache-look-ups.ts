/** Start, memory and look-ups with both maps full, in a process that has done nothing else. */
import { Echo } from './cache-echo.ts';
import { heading, mebibytes, median, percentiles, random, row, timed } from './cache-figures.ts';
import { LAYERS_PER_IMAGE, layerKey, manifestKey } from './cache-records.ts';
import { layers, manifests, openCache, someLayerKeys } from './cache-subject.ts';

const LOOK_UPS = 20_000;

heading(`start, with ${manifests} manifests and ${layers} layers`);
const before = memory();
const began = performance.now();
const cache = openCache();
if ((await cache.getManifest(manifestKey(0))) === null) throw new Error('an entry is gone');
row('first answer after', `${(performance.now() - began).toFixed(0)} ms`);
row('memory', mebibytes(memory() - before));

heading('look-ups of random entries, one after another');
const hops = await hopTimes();
row('a hop to a thread and back', percentiles(hops));
for (const [what, ask] of [
  ['manifest', () => cache.getManifest(manifestKey(random(manifests)))],
  ['manifest, unknown', () => cache.getManifest(manifestKey(manifests + random(manifests)))],
  ['manifest, the same again', () => cache.getManifest(manifestKey(7))],
  ['layer', () => cache.getLayers([layerKey(random(layers))])],
  [`${LAYERS_PER_IMAGE} layers`, () => cache.getLayers(someLayerKeys())],
] as const) {
  const waits: number[] = [];
  for (let i = 0; i < LOOK_UPS; i += 1) waits.push(await timed(ask));
  row(what, percentiles(waits), `${(median(waits) / median(hops)).toFixed(1)} hops`);
}
row('memory', mebibytes(memory() - before));
await cache.stop();
compareWithMap();

async function hopTimes(): Promise<readonly number[]> {
  const echo = new Echo();
  const waits: number[] = [];
  for (let i = 0; i < LOOK_UPS; i += 1) waits.push(await timed(() => echo.ask(manifestKey(0))));
  await echo.stop();
  return waits;
}

/** The peer without thread, disk and bound: only keys and numbers, no records. */
function compareWithMap(): void {
  const empty = memory();
  const map = new Map(Array.from({ length: layers }, (_, n) => [layerKey(n), n]));
  const keys = Array.from({ length: LOOK_UPS }, () => layerKey(random(layers)));
  const began = performance.now();
  const found = keys.filter((key) => map.has(key)).length;
  const us = ((performance.now() - began) / found) * 1000;
  row('a Map of the layers’ keys alone', `${us.toFixed(2)} µs`, mebibytes(memory() - empty));
}

function memory(): number {
  return process.memoryUsage.rss();
}
