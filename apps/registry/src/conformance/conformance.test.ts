import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { type ConformanceCase, type ExpectedBody, type Facts, fill, specLink } from './case.ts';
import { discoveryCases } from './discovery-cases.ts';
import { errorCases } from './error-cases.ts';
import { errorSchema } from './fault.ts';
import { pullCases } from './pull-cases.ts';
import { askRaw, type RawAnswer } from './raw-http.ts';
import { type RegistryProcess, startRegistryProcess } from './registry-process.ts';

const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

/** Those that the cases on discovery expect. */
const TAGS = ['b', 'a', 'v10', 'v9', 'C'];

const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string(), size: z.number() })).min(1),
});

let registry: RegistryProcess;
let facts: Facts;
let layer: Buffer;

/** Also asks again while an image is built, as every client does. */
async function ask(method: string, path: string, headers: Readonly<Record<string, string>> = {}) {
  let answer = await askRaw(registry.port, method, path, headers);
  for (let hop = 1; answer.status === 307 && hop <= 9; hop++) {
    const target = path.split('?')[0] + (answer.headers.get('location') ?? '');
    answer = await askRaw(registry.port, method, target, headers);
  }
  return answer;
}

function json({ body }: RawAnswer): unknown {
  return JSON.parse(body.toString('utf8'));
}

beforeAll(async () => {
  registry = await startRegistryProcess(TAGS);
  for (const tag of TAGS) await ask('HEAD', `/v2/sharesa/manifests/${tag}`);
  const manifest = await ask('GET', '/v2/hello/manifests/latest');
  const docker = await ask('HEAD', '/v2/hello/manifests/latest', { Accept: DOCKER });
  const { config, layers } = manifestSchema.parse(json(manifest));
  const [{ digest, size } = { digest: '', size: 0 }] = layers;
  facts = {
    oci: manifest.headers.get('docker-content-digest') ?? '',
    docker: docker.headers.get('docker-content-digest') ?? '',
    config: config.digest,
    layer: digest,
    encodedLayer: encodeURIComponent(digest),
    size: String(size),
    lastByte: String(size - 1),
  };
  layer = (await ask('GET', `/v2/hello/blobs/${digest}`)).body;
});
afterAll(() => registry.stop());

describe.each([
  ['pulling', pullCases],
  ['discovery', discoveryCases],
  ['errors', errorCases],
])('the distribution specification on %s', (_part, cases) => {
  it.each(cases)('$title', async (wanted) => {
    const answer = await ask(
      wanted.method ?? 'GET',
      fill(wanted.path, facts),
      filled(wanted.headers ?? {}),
    );
    const seen = Object.fromEntries(answer.headers);
    const why = `see ${specLink(wanted.spec)}`;
    expect(answer.status, why).toBe(wanted.status);
    expect(seen, why).toMatchObject(filled(wanted.has ?? {}));
    for (const name of wanted.lacks ?? []) expect(seen, why).not.toHaveProperty(name);
    expect(saysItsLength(wanted, answer), why).toBe(true);
    expect(seenBody(wanted.body, answer), why).toEqual(wantedBody(wanted.body));
  });
});

function filled(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fill(text, facts)]));
}

/** Every answer says how long it is, and is. https://www.rfc-editor.org/rfc/rfc9110#name-content-length */
function saysItsLength({ method, status }: ConformanceCase, { body, headers }: RawAnswer): boolean {
  if (status === 304) return true;
  const length = headers.get('content-length') ?? '';
  return method === 'HEAD' ? /^\d+$/.test(length) : length === String(body.length);
}

/** What there is to compare of the body that is expected. */
function wantedBody(expected: ExpectedBody): unknown {
  switch (expected.kind) {
    case 'empty':
      return '';
    case 'content':
      return fill(expected.digest, facts);
    case 'part': {
      const from = (layer.length + expected.offset) % layer.length;
      return layer.subarray(from, from + expected.length).toString('hex');
    }
    case 'json':
      return expected.value;
    case 'error':
      return expected.code;
  }
}

/** The same of the one that came. */
function seenBody({ kind }: ExpectedBody, answer: RawAnswer): unknown {
  const { body } = answer;
  switch (kind) {
    case 'empty':
    case 'part':
      return body.toString('hex');
    case 'content':
      return `sha256:${createHash('sha256').update(body).digest('hex')}`;
    case 'json':
      return json(answer);
    case 'error':
      return errorSchema.parse(json(answer)).errors[0]?.code;
  }
}
