import { type CacheStatus } from '@nixery/cache';
import { BlobError, type BlobStatter } from '@nixery/storage';
import { beforeEach, describe, expect, it } from 'vitest';

import { Readiness } from './health.ts';

let now: number;
let cache: { status: CacheStatus };
let nix: string | null;
let storage: BlobError | null;
let stats: number;
let readiness: Readiness;

beforeEach(() => {
  now = 0;
  cache = { status: { state: 'ready', restarts: 0 } };
  nix = null;
  storage = null;
  stats = 0;
  const store: BlobStatter = {
    stat: () => {
      stats += 1;
      return storage === null ? Promise.resolve({ exists: false }) : Promise.reject(storage);
    },
  };
  readiness = new Readiness({
    cache,
    store,
    nixProblem: () => Promise.resolve(nix),
    now: () => now,
  });
  readiness.noteCacheEvent({ type: 'ready', restarts: 0 });
});

function crash(): void {
  const error = new Error('crash');
  cache.status = { state: 'down', restarts: cache.status.restarts + 1 };
  readiness.noteCacheEvent({ type: 'crashed', error, restartInMs: 100, restarts: 1 });
}

function restart(): void {
  cache.status = { ...cache.status, state: 'ready' };
  readiness.noteCacheEvent({ type: 'ready', restarts: cache.status.restarts });
}

const ok = { status: 'ok' };

describe('a server', () => {
  it('whose parts all work is ready', async () => {
    expect(await readiness.report()).toEqual({
      ready: true,
      checks: { storage: ok, cache: ok, nix: ok },
    });
  });

  it('whose cache crashed once is ready, until the cache fails to come back', async () => {
    now = 3_600_000;
    crash();
    expect(await readiness.report()).toMatchObject({
      ready: true,
      checks: { cache: { status: 'degraded', reason: 'the cache is down' } },
    });
    now += 5_000;
    expect(await readiness.report()).toMatchObject({
      ready: false,
      checks: { cache: { status: 'failed' }, storage: ok, nix: ok },
    });
    restart();
    expect(await readiness.report()).toMatchObject({ ready: true });
  });

  it('whose cache crashes again and again is not ready, even in between, until it has held for a while', async () => {
    for (let i = 0; i < 3; i++) {
      crash();
      now += 1_000;
      restart();
    }
    expect(await readiness.report()).toMatchObject({
      ready: false,
      checks: { cache: { status: 'failed', reason: 'the cache crashed 3 times in 30 s' } },
    });
    now += 30_000;
    expect(await readiness.report()).toMatchObject({ ready: true });
  });

  it('whose storage blinks is ready, with a reason; not so when it stays away', async () => {
    now = 3_600_000;
    storage = new BlobError('unavailable', 'EIO: /srv/secret');
    expect(await readiness.report()).toMatchObject({
      ready: true,
      checks: {
        storage: { status: 'degraded', reason: 'the storage does not answer (unavailable)' },
      },
    });
    now += 60_000;
    expect(await readiness.report()).toMatchObject({ ready: false });
    storage = null;
    now += 1_000;
    expect(await readiness.report()).toMatchObject({ ready: true, checks: { storage: ok } });
  });

  it('whose Nix does not work for longer than a busy machine explains is not ready, and says why', async () => {
    nix = 'Nix cannot be started';
    expect(await readiness.report()).toMatchObject({
      ready: true,
      checks: { nix: { status: 'degraded', reason: 'Nix cannot be started' } },
    });
    now += 30_000;
    expect(await readiness.report()).toMatchObject({
      ready: false,
      checks: { nix: { status: 'failed', reason: 'Nix cannot be started' } },
    });
    nix = null;
    now += 15_000;
    expect(await readiness.report()).toMatchObject({ ready: true, checks: { nix: ok } });
  });

  it('asks its storage once a second at most, however often it is asked itself', async () => {
    await Promise.all([readiness.report(), readiness.report()]);
    now += 999;
    await readiness.report();
    expect(stats).toBe(1);
    now += 1;
    await readiness.report();
    expect(stats).toBe(2);
  });
});
