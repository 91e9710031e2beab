import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { BuildError } from './errors.ts';
import { type ImageRequest, parseImageName } from './image-name.ts';
import { DEFAULT_LAYER_BUDGET } from './layer/plan.ts';
import { createHarness, type Harness } from './testing/harness.ts';

let harness: Harness;
let salt: string;
beforeEach(async () => {
  salt = randomUUID();
  harness = await createHarness({}, salt);
});
afterEach(async () => {
  await harness.stop();
  await harness.remove();
});

function request(name: string): ImageRequest {
  return parseImageName(name, 'latest');
}

const manifestSchema = z.object({
  config: z.object({ digest: z.templateLiteral(['sha256:', z.string()]) }),
  layers: z.array(
    z.object({ digest: z.templateLiteral(['sha256:', z.string()]), size: z.number() }),
  ),
});
const configSchema = z.object({
  architecture: z.string(),
  config: z.object({ Cmd: z.array(z.string()).optional(), Env: z.array(z.string()) }),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
  history: z.array(z.unknown()),
});

async function inspect(name: string) {
  const record = await harness.builder.image(request(name));
  const digest = record.forms.oci?.digest;
  if (digest === undefined) throw new Error('no OCI form');
  const manifest = manifestSchema.parse(await harness.read(digest));
  const config = configSchema.parse(await harness.read(manifest.config.digest));
  return { record, digest, manifest, config };
}

async function failure(action: Promise<unknown>): Promise<BuildError> {
  const error: unknown = await action.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof BuildError) return error;
  throw new Error(`not a BuildError: ${String(error)}`);
}

function built(): number {
  return harness.events.filter(({ type }) => type === 'started').length;
}

describe('an image', () => {
  it('is stored whole: both manifests, the config and every layer', async () => {
    const { record, manifest, config } = await inspect('shell/hello');
    for (const { digest, size } of manifest.layers) {
      expect(await harness.store.stat(digest)).toMatchObject({ exists: true, size });
    }
    expect(Object.keys(record.forms).sort()).toEqual(['docker', 'oci']);
    expect(config.rootfs.diff_ids).toHaveLength(manifest.layers.length);
    expect(config.history).toHaveLength(manifest.layers.length);
    expect(config.architecture).toBe('amd64');
    expect(config.config.Cmd).toEqual(['/bin/bash']);
    expect(config.config.Env).toContain('SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt');
  });

  it('runs its main program where it holds no bash', async () => {
    const { config } = await inspect('hello');
    expect(config.config.Cmd).toEqual(['/bin/hello']);
  });

  it('of another platform says so', async () => {
    const { config } = await inspect('arm64/hello');
    expect(config.architecture).toBe('arm64');
  });

  it('has the same digest however its name is spelled, and when all of it is built again', async () => {
    const { digest } = await inspect('sharesa/sharesb/hello');
    expect((await inspect('hello/sharesb/sharesa/hello')).digest).toBe(digest);
    expect(built()).toBe(1);

    const other = await createHarness({}, salt);
    try {
      const record = await other.builder.image(request('hello/sharesa/sharesb'));
      expect(record.forms.oci?.digest).toBe(digest);
    } finally {
      await other.stop();
      await other.remove();
    }
  });

  it('is known after a restart', async () => {
    const { digest } = await inspect('hello');
    await harness.stop();
    harness = await harness.restart();
    expect((await inspect('hello')).digest).toBe(digest);
    expect(built()).toBe(0);
  });

  it('shares the layers of images built before it', async () => {
    const first = await inspect('sharesa');
    const second = await inspect('sharesb');
    const known = new Set(first.manifest.layers.map((layer) => layer.digest));
    const shared = second.manifest.layers.filter((layer) => known.has(layer.digest));
    expect(shared.length).toBeGreaterThanOrEqual(3);
    const done = harness.events.filter((event) => event.type === 'done').at(-1);
    expect(done?.build.layers.known).toBe(shared.length);
  });

  it('of 150 store paths keeps within the budget of layers', async () => {
    const { manifest } = await inspect('manypaths.out');
    // The plan's own tests say how many; one more holds the links.
    expect(manifest.layers.length).toBeGreaterThan(1);
    expect(manifest.layers.length).toBeLessThanOrEqual(DEFAULT_LAYER_BUDGET + 1);
  });

  it('whose layer vanished from the storage is packed anew, the same', async () => {
    const { manifest, digest } = await inspect('hello');
    for (const layer of manifest.layers) await harness.store.delete(layer.digest);
    await harness.stop();
    harness = await harness.restart();
    await harness.cache.dropManifest({ digest });
    expect((await inspect('hello')).digest).toBe(digest);
    for (const layer of manifest.layers) {
      expect(await harness.store.stat(layer.digest)).toMatchObject({ exists: true });
    }
  });

  it('leaves no file in the spool, and no garbage-collector root once the server stops', async () => {
    await inspect('hello');
    await failure(harness.builder.image(request('failing')));
    expect(await readdir(join(harness.dir, 'state', 'spool'))).toEqual([]);
    await harness.stop();
    expect(await readdir(join(harness.dir, 'state', 'roots'))).toEqual([]);
    harness = await harness.restart();
  });
});

describe('many who ask at once', () => {
  it('for one image wait for one build', async () => {
    const names = ['slow1/hello', 'hello/slow1', 'hello/slow1/hello'];
    const records = await Promise.all(
      Array.from({ length: 30 }, (_, i) => harness.builder.image(request(names[i % 3] ?? ''))),
    );
    expect(new Set(records.map((record) => record.forms.oci?.digest)).size).toBe(1);
    expect(built()).toBe(1);
  });

  it('for a failing one get one and the same failure, which is remembered', async () => {
    const errors = await Promise.all(
      Array.from({ length: 10 }, () => failure(harness.builder.image(request('failing')))),
    );
    expect(new Set(errors).size).toBe(1);
    expect(await failure(harness.builder.image(request('failing')))).toBe(errors[0]);
    expect(built()).toBe(1);
  });

  it('for two images pack each layer once, also those that both miss', async () => {
    const [a, b] = await Promise.all([inspect('sharesa'), inspect('sharesb')]);
    const layers = [...a.manifest.layers, ...b.manifest.layers].map(({ digest }) => digest);
    const packed = harness.events
      .filter((event) => event.type === 'done')
      .map(({ build }) => build.layers.packed);
    expect(packed).toHaveLength(2);
    expect(packed.reduce((sum, count) => sum + count, 0)).toBe(new Set(layers).size);
  });

  it('for more images than may be built are told so', async () => {
    await harness.stop();
    harness = await harness.restart({ maxBuilds: 1 });
    const slow = harness.builder.image(request('slow1'));
    await expect.poll(() => harness.builder.load.builds).toBe(1);
    expect((await failure(harness.builder.image(request('hello')))).code).toBe('overloaded');
    await slow;
    await expect(harness.builder.image(request('hello'))).resolves.toBeDefined();
  });
});

describe('a build that fails', () => {
  it.each([
    ['failing', /failing/],
    ['dependsonfailing', /failing/],
  ])('names the derivation, with the end of its log: %s', async (name, derivation) => {
    const { code, details } = await failure(harness.builder.image(request(name)));
    expect(code).toBe('build-failed');
    expect(details.derivation).toMatch(derivation);
    expect(details.derivation).not.toMatch(/depends/);
    expect(details.log?.length).toBeGreaterThanOrEqual(100);
  });

  it('tells its log without control characters', async () => {
    const { details } = await failure(harness.builder.image(request('failingnoisily')));
    expect(details.log?.length).toBeGreaterThan(0);
    // oxlint-disable-next-line no-control-regex
    expect(details.log?.join('\n')).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  });

  it('since what it fetched is not what was named says so, and which it is', async () => {
    const { code, message, details } = await failure(harness.builder.image(request('otherbytes')));
    expect(code).toBe('hash-mismatch');
    expect(message).toContain('not what the package set names');
    expect(details.derivation).toMatch(/-other-bytes-1\.0\.drv$/);
    expect(details.log?.join('\n')).toMatch(/specified: +sha256-A+=\n +got: +sha256-/);
  });

  it('for want of time says which time', async () => {
    await harness.stop();
    harness = await harness.restart({ derivationTimeoutMs: 1_000 });
    const { code, message, details } = await failure(harness.builder.image(request('slow20')));
    expect(code).toBe('timeout');
    expect(message).toContain('NIX_TIMEOUT');
    expect(details.derivation).toMatch(/slow/);
  });

  it('at the deadline of the whole build ends its Nix process', async () => {
    await harness.stop();
    harness = await harness.restart({ buildTimeoutMs: 1_500 });
    const { code, message } = await failure(harness.builder.image(request('slow20')));
    expect(code).toBe('deadline');
    expect(message).toContain('2 s that NIXERY_BUILD_TIMEOUT allows');
  });

  it('at that deadline also where it waits for another build’s Nix process to end', async () => {
    await harness.stop();
    harness = await harness.restart({ nixThreads: 1, buildTimeoutMs: 1_500 });
    // Whichever comes first takes longer than that.
    const both = ['slow20', 'slow21'].map((name) => failure(harness.builder.image(request(name))));
    for (const { code } of await Promise.all(both)) expect(code).toBe('deadline');
  });

  it('for a file that clients would take for a whiteout says which', async () => {
    const { code, message } = await failure(harness.builder.image(request('whiteout')));
    expect(code).toBe('layer-refused');
    expect(message).toContain('.wh.');
  });
});

describe('a builder that stops', () => {
  it('ends its builds and tells those who wait', async () => {
    const waiting = failure(harness.builder.image(request('slow20')));
    await expect.poll(() => harness.events.some((event) => event.type === 'nix')).toBe(true);
    await harness.builder.stop();
    expect((await waiting).code).toBe('stopping');
    expect((await failure(harness.builder.image(request('hello')))).code).toBe('stopping');
  });
});
