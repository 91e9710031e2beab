import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { readConfig } from '../config.ts';
import { type RunningServer, startServer } from '../server.ts';
import { testSettings } from '../testing/settings.ts';

const ABSENT = `sha256:${'0'.repeat(64)}`;

let dir: string;
let server: RunningServer;

async function start(env: NodeJS.ProcessEnv = {}): Promise<RunningServer> {
  const { config } = readConfig({
    ...testSettings(dir),
    ...env,
  });
  return await startServer(config, pino({ level: 'silent' }));
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-metrics-'));
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  Object.assign(process.env, nixEnvironment());
  server = await start();
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
  await response.clone().arrayBuffer();
  return response;
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details: numbers as Go reads them. */
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^{}]*\})?) (-?[0-9.e+-]+|nan|[+-]inf)$/i;

/** Samples by name and labels, as they are written. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const response = await ask('/metrics');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => /^[^#]/.test(line));
  return new Map(
    lines.map((line) => {
      const [, series = '', value = ''] = SAMPLE.exec(line) ?? [];
      expect(series, line).not.toBe('');
      return [series, Number(value)];
    }),
  );
}

const manifestSchema = z.object({
  layers: z.tuple([z.object({ digest: z.string() })]).rest(z.unknown()),
});

describe('the metrics of a server that built an image and served it', () => {
  let samples: ReadonlyMap<string, number>;
  let size: number;
  beforeAll(async () => {
    await ask('/v2/large/manifests/latest');
    await ask('/v2/large/manifests/latest', { method: 'HEAD' });
    const answer = await ask('/v2/large/manifests/latest');
    const digest = answer.headers.get('docker-content-digest') ?? '';
    await ask(`/v2/large/manifests/${digest}`);
    const { layers } = manifestSchema.parse(await answer.json());
    const layer = await ask(`/v2/large/blobs/${layers[0].digest}`);
    size = (await layer.arrayBuffer()).byteLength;
    await ask(`/v2/large/blobs/${ABSENT}`);
    await ask('/v2/helo/manifests/latest');
    await ask('/v2/', { method: 'PROPFIND' });
    await ask('/');
    samples = await scrape();
  });

  it.each([
    ['nixery_http_requests_total{route="manifest",method="GET",status="200"}', 3],
    ['nixery_http_requests_total{route="manifest",method="HEAD",status="200"}', 1],
    ['nixery_http_requests_total{route="manifest",method="GET",status="404"}', 1],
    ['nixery_http_requests_total{route="blob",method="GET",status="200"}', 1],
    ['nixery_http_requests_total{route="blob",method="GET",status="404"}', 1],
    ['nixery_http_requests_total{route="base",method="other",status="405"}', 1],
    ['nixery_http_requests_total{route="page",method="GET",status="200"}', 1],
    ['nixery_http_request_duration_seconds_count{route="manifest"}', 5],
    ['nixery_http_requests_in_flight', 1],
    ['nixery_images_total{level="built"}', 1],
    ['nixery_images_total{level="request"}', 2],
    ['nixery_builds_total{purpose="request",outcome="done"}', 1],
    ['nixery_builds_total{purpose="request",outcome="package-not-found"}', 1],
    ['nixery_build_duration_seconds_count{outcome="done"}', 1],
    ['nixery_build_stage_duration_seconds_count{stage="evaluate"}', 2],
    ['nixery_build_stage_duration_seconds_count{stage="pack"}', 1],
    ['nixery_builds_in_flight', 0],
    ['nixery_worker_tasks{kind="nix",state="running"}', 0],
    ['nixery_worker_tasks{kind="pack",state="queued"}', 0],
    ['nixery_cache_up', 1],
    ['nixery_cache_restarts_total', 0],
    ['nixery_cache_entries{map="manifests"}', 1],
  ])('have %s at %d', (series, value) => {
    expect(samples.get(series)).toBe(value);
  });

  it.each([
    'nixery_layers_total{origin="packed"}',
    'nixery_cache_lookups_total{map="manifests",result="hit"}',
    'nixery_cache_lookups_total{map="layers",result="miss"}',
    'nixery_cache_ask_duration_seconds_count',
    'nixery_storage_operation_duration_seconds_count{operation="put"}',
    'nixery_storage_operation_duration_seconds_count{operation="open"}',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
  ])('count %s', (series) => {
    expect(samples.get(series)).toBeGreaterThan(0);
  });

  it('count the bytes of a blob that was sent', () => {
    const sent = samples.get(
      'nixery_http_sent_bytes_total{route="blob",method="GET",status="200"}',
    );
    expect(sent).toBeGreaterThan(size);
    expect(sent).toBeLessThan(size + 2_000);
  });

  it('say nothing of what clients asked for', () => {
    const text = [...samples.keys()].join('\n');
    expect(text).not.toMatch(/sha256|"large"|helo|PROPFIND/);
  });

  it('count on, and do not grow with what clients make up', async () => {
    const before = await scrape();
    const names = Array.from({ length: 50 }, (_, n) => `none${n}`);
    for (const name of names) await ask(`/${name}`, { method: 'OPTIONS' });
    const after = await scrape();
    const series = 'nixery_http_requests_total{route="page",method="other",status="404"}';
    expect(after.get(series)).toBe((before.get(series) ?? 0) + names.length);
    const grown = [...after.keys()].filter((key) => !before.has(key) && key.startsWith('nixery_'));
    expect(grown.length).toBeLessThanOrEqual(4);
  });
});

describe('metrics that are switched off', () => {
  it('are not there', async () => {
    await server.stop();
    server = await start({ NIXERY_METRICS: 'off' });
    expect((await ask('/metrics')).status).toBe(404);
  });
});
