import { z } from 'zod';

const HOUR_MS = 3_600_000;

/** What stays the same from one of the actor's threads to the next. */
export const actorSettingsSchema = z
  .object({
    file: z.string().min(1),
    maxManifests: z.int().positive(),
    maxLayers: z.int().positive(),
    maxTags: z.int().positive(),
    maxTagsOfName: z.int().positive(),
    recencyMs: z.int().nonnegative(),
    /** Characters of JSON that each map's in-memory front may hold. */
    frontSize: z.int().positive(),
  })
  .readonly();

/** What the actor's thread is started with. Crosses a thread boundary as `workerData`. */
export const actorOptionsSchema = actorSettingsSchema
  .unwrap()
  .extend({
    /** Of the manifests' versions, which askers keep: greater than all that an earlier thread told. */
    firstVersion: z.int().nonnegative(),
  })
  .readonly();
export type ActorOptions = z.infer<typeof actorOptionsSchema>;

/** What `createCache` goes by where its caller says nothing. */
export const actorDefaults = {
  maxManifests: 100_000,
  maxLayers: 1_000_000,
  maxTags: 200_000,
  maxTagsOfName: 1_000,
  recencyMs: 6 * HOUR_MS,
  frontSize: 32 * 1024 * 1024,
} as const satisfies Partial<ActorOptions>;
