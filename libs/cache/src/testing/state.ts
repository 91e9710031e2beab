import { onTestFinished } from 'vitest';
import type { CacheWarning } from '../events.ts';
import type { ActorOptions } from '../options.ts';
import { CacheState } from '../state.ts';
import { actorOptions } from './options.ts';
import { manifestRecord } from './records.ts';

/** A state that is closed when the test is over, in memory unless told otherwise; what it warns of, and the clock it goes by. */
export function openState(options: Partial<ActorOptions> = {}) {
  const warnings: CacheWarning[] = [];
  const clock = { now: 1_800_000_000_000 };
  const state = new CacheState(actorOptions(options), {
    now: () => clock.now,
    warn: (warning) => warnings.push(warning),
  });
  onTestFinished(() => state.close());
  return { state, warnings, clock };
}

export function putManifest(
  state: CacheState,
  key: string,
  n: number,
  name?: string,
  reference?: string,
) {
  const record = manifestRecord(n, name, reference);
  return state.handle({ type: 'manifest.put', key, kind: 'moving', record });
}

export function getManifest(state: CacheState, key: string) {
  return state.handle({ type: 'manifest.get', key, allowStale: false });
}

export function getLayers(state: CacheState, ...keys: string[]) {
  return state.handle({ type: 'layer.get', keys });
}

/** The version that whoever asks for the forms is told; 0 where there are none. */
export function versionOf(state: CacheState, key: string): number {
  const reply = state.handle({ type: 'manifest.forms', key, allowStale: true });
  return reply.type === 'manifest.forms' ? (reply.hit?.version ?? 0) : 0;
}

/** Whether what was told as `version` still holds. */
export function still(state: CacheState, version: number) {
  return state.handle({ type: 'manifest.still', version });
}

/** The answer to `still` that says no. */
export const NO_MORE = { type: 'manifest.still', freshness: null };
