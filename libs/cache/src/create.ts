import { Worker } from 'node:worker_threads';
import { check } from './arguments.ts';
import { ActorClient } from './client.ts';
import type { CacheClient, CacheOptions } from './contract.ts';
import { actorDefaults, actorSettingsSchema } from './options.ts';

/**
 * Starts the actor's thread and answers its client, which takes requests at once. The thread keeps the process alive
 * until `stop`.
 *
 * @throws CacheError `invalid` when a bound or time makes no sense
 */
export function createCache(options: CacheOptions): CacheClient {
  const { bounds, file, recencyMs } = options;
  const settings = check(
    actorSettingsSchema,
    {
      file,
      maxManifests: bounds?.manifests ?? actorDefaults.maxManifests,
      maxLayers: bounds?.layers ?? actorDefaults.maxLayers,
      maxTags: bounds?.tags ?? actorDefaults.maxTags,
      maxTagsOfName: bounds?.tagsOfName ?? actorDefaults.maxTagsOfName,
      recencyMs: recencyMs ?? actorDefaults.recencyMs,
      frontSize: actorDefaults.frontSize,
    },
    'options',
  );
  // A package import, so that the same line finds the source, or what was built from it.
  const actor = new URL(import.meta.resolve('#actor'));
  return new ActorClient(
    options,
    (firstVersion) =>
      new Worker(actor, { workerData: { ...settings, firstVersion }, name: 'cache' }),
  );
}
