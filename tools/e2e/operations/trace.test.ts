import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LogLine, logLines } from '../log-lines.ts';
import { type RegistryServer, startRegistry } from '../server.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

let dir: string;
let server: RegistryServer;
beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-trace-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages, NIXERY_LOG_LEVEL: 'debug' });
});
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function pull(name: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  const response = await fetch(`${server.url}/v2/${name}/manifests/latest`, { headers });
  await response.arrayBuffer();
  return response;
}

/** The lines of a request, once its own is there, and this one of its build's, which may come after it. */
async function linesOf(request: string, last = 'request'): Promise<readonly LogLine[]> {
  const ofRequest = () => logLines(server).filter(({ req }) => req === request);
  await expect
    .poll(() => ofRequest().map(({ msg }) => msg))
    .toEqual(expect.arrayContaining(['request', last]));
  return ofRequest();
}

function started(request: string): LogLine | undefined {
  return logLines(server).find(({ msg, req }) => msg === 'build started' && req === request);
}

test('a request’s id and trace are in its line and in every line of the build that it began', async () => {
  const response = await pull('slow0', {
    'X-Request-Id': 'pull-1',
    traceparent: `00-${TRACE}-${SPAN}-01`,
    tracestate: 'vendor=opaque',
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('x-request-id')).toBe('pull-1');
  const lines = await linesOf('pull-1', 'build done');
  const messages = new Set(lines.map(({ msg }) => msg));
  expect(messages).toEqual(new Set(['build started', 'nix', 'build done', 'request']));
  const builds = new Set(lines.map(({ build }) => build));
  expect(builds.size).toBe(1);
  for (const line of lines) {
    expect(line).toMatchObject({ trace_id: TRACE, span_id: SPAN, build: expect.any(String) });
  }
});

test('whoever joins a build has its id, and a build the ids of who began it', async () => {
  const first = pull('slow2', { 'X-Request-Id': 'first' });
  await expect.poll(() => started('first')).toBeDefined();
  await pull('slow2', { 'X-Request-Id': 'second' });
  await first;
  const joined = await linesOf('second');
  expect(joined.map(({ msg }) => msg)).toEqual(['request']);
  expect(joined[0]?.['build']).toBe(started('first')?.['build']);
});

test('a failed build is named by the request that saw it fail, and by the next, which is told the same', async () => {
  await pull('failing', { 'X-Request-Id': 'fails-1' });
  await pull('failing', { 'X-Request-Id': 'fails-2' });
  const failed = (await linesOf('fails-1', 'build failed')).find(
    ({ msg }) => msg === 'build failed',
  );
  expect(failed?.['build']).toEqual(expect.any(String));
  expect(await linesOf('fails-2')).toMatchObject([{ msg: 'request', build: failed?.['build'] }]);
});

test('an image that is known takes no build, and a trace that is none is left out', async () => {
  await pull('hello', {});
  await pull('hello', { 'X-Request-Id': 'known', traceparent: `00-${TRACE}-${SPAN}` });
  const [line, ...others] = await linesOf('known');
  expect(others).toEqual([]);
  expect(line).not.toHaveProperty('build');
  expect(line).not.toHaveProperty('trace_id');
});

test('an id that could harm a log is replaced', async () => {
  const response = await pull('hello', { 'X-Request-Id': 'a b"c' });
  expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});
