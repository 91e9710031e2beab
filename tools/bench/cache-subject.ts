/** What the parts of this benchmark are told by `cache.ts`, and the cache they all look at. */
import { createCache, type CacheClient } from '@nixery/cache';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { random, mebibytes } from './cache-figures.ts';
import { LAYERS_PER_IMAGE, layerKey } from './cache-records.ts';

const argumentsSchema = z.tuple([z.string(), z.coerce.number().int(), z.coerce.number().int()]);

/** The folder of the database, and how many entries each map has. */
export const [folder, manifests, layers] = argumentsSchema.parse(process.argv.slice(2));
const file = join(folder, 'cache.sqlite');

export function openCache(): CacheClient {
  return createCache({ file });
}

export function someLayerKeys(): readonly string[] {
  return Array.from({ length: LAYERS_PER_IMAGE }, () => layerKey(random(layers)));
}

export async function fileSizes(): Promise<string> {
  const log = await stat(`${file}-wal`).catch(() => null);
  return `file ${mebibytes((await stat(file)).size)}, log ${mebibytes(log?.size ?? 0)}`;
}
