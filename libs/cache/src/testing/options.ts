import { actorDefaults, type ActorOptions } from '../options.ts';

/** What the actor's first thread is started with, in memory unless told otherwise. */
export function actorOptions(options: Partial<ActorOptions> = {}): ActorOptions {
  return { ...actorDefaults, file: ':memory:', firstVersion: 1, ...options };
}
