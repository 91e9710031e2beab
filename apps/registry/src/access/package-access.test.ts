import { type PullRequest, canonicalName, parseImageName } from '@nixery/builder';
import { type CacheClient, createCache, type Digest, type ManifestRecord } from '@nixery/cache';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Caller } from './caller.ts';
import { PackageAccess } from './package-access.ts';
import { parsePolicy } from './policy.ts';

let cache: CacheClient;
let access: PackageAccess;
/** Images that are built when asked for. */
let buildable: Map<string, ManifestRecord>;
let asked: PullRequest[];

beforeEach(() => {
  cache = createCache({ file: ':memory:' });
  buildable = new Map();
  asked = [];
  access = new PackageAccess({
    cache,
    systems: ['x86_64-linux'],
    builder: {
      image(request) {
        asked.push(request);
        const record = buildable.get(canonicalName(request));
        return record ? Promise.resolve(record) : Promise.reject(new Error('not to be built'));
      },
    },
  });
});
afterEach(() => cache.stop());

function digest(n: number): Digest {
  return `sha256:${n.toString(16).padStart(64, '0')}`;
}

/** An image whose manifest has number `n`, its config `n + 1`. */
function record(n: number, name: string, ...layers: readonly number[]): ManifestRecord {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  return {
    forms: { oci: { digest: digest(n), size: 1, mediaType } },
    request: { name: canonicalName(parseImageName(name, 'latest')), reference: 'latest' },
    revision: null,
    builtAt: 0,
    config: digest(n + 1),
    layers: layers.map(digest),
  };
}

async function put(image: ManifestRecord): Promise<void> {
  await cache.putManifest(`key of ${image.forms.oci?.digest}`, 'pinned', image);
}

function caller(lists: object): Caller {
  const rules = parsePolicy(JSON.stringify({ everyone: lists }), new Set()).rulesFor(null);
  return { user: null, client: undefined, rules };
}

const noNmap = () => caller({ deny: ['nmap'] });
const GLIBC = 7;

describe('a digest, where there are lists of packages', () => {
  it('is given as part of an image that is allowed, as manifest, config and layer', async () => {
    await put(record(100, 'git', GLIBC, 50));
    for (const n of [100, 101, GLIBC, 50]) {
      expect(await access.requireDigest(noNmap(), 'git', digest(n))).toBe(true);
    }
    expect(asked).toEqual([]);
  });

  it('is refused as part of images that are not, whatever name it is asked under', async () => {
    await put(record(100, 'nmap', GLIBC, 50));
    await put(record(200, 'git/nmap', GLIBC, 50));
    for (const n of [100, 201, GLIBC, 50]) {
      await expect(access.requireDigest(noNmap(), 'git', digest(n))).rejects.toMatchObject({
        status: 403,
        code: 'DENIED',
        message: expect.stringContaining('package "nmap" is denied'),
      });
    }
  });

  it('is refused under a name that is not allowed, whoever holds it', async () => {
    await put(record(100, 'git', GLIBC));
    await expect(access.requireDigest(noNmap(), 'nmap', digest(GLIBC))).rejects.toMatchObject({
      status: 403,
    });
  });

  it('that allowed and refused images share is given, however many are refused', async () => {
    await put(record(100, 'git', GLIBC));
    for (let n = 1; n <= 450; n++) await put(record(1000 + 10 * n, `nmap/p${n}`, GLIBC, 50));
    const who = noNmap();
    expect(await access.requireDigest(who, 'git', digest(GLIBC))).toBe(true);
    await expect(access.requireDigest(who, 'git', digest(50))).rejects.toMatchObject({
      status: 403,
    });
  });

  it('is given once an image that may hold it is, though it was refused before', async () => {
    await put(record(100, 'nmap', GLIBC));
    const who = noNmap();
    await expect(access.requireDigest(who, 'git', digest(GLIBC))).rejects.toMatchObject({
      status: 403,
    });
    access.granted(who, record(200, 'git', GLIBC));
    expect(await access.requireDigest(who, 'git', digest(GLIBC))).toBe(true);
    // To who has other lists, nothing was given.
    await expect(access.requireDigest(noNmap(), 'git', digest(GLIBC))).rejects.toMatchObject({
      status: 403,
    });
  });

  it('that is not known here is given where the image of that name turns out to hold it', async () => {
    const image = record(100, 'git', GLIBC);
    buildable.set(image.request.name, image);
    expect(await access.requireDigest(noNmap(), 'git', digest(GLIBC))).toBe(true);
    expect(await access.requireDigest(noNmap(), 'git', digest(999))).toBe(false);
    expect(new Set(asked.map(canonicalName))).toEqual(new Set([image.request.name]));
  });

  it('is answered 503 while the cache cannot tell', async () => {
    await cache.stop();
    await expect(access.requireDigest(noNmap(), 'git', digest(GLIBC))).rejects.toMatchObject({
      status: 503,
    });
  });

  it('is no matter where there are none', async () => {
    await cache.stop();
    expect(await access.requireDigest(caller({}), 'nmap', digest(1))).toBe(true);
  });
});

describe('packages', () => {
  it('that are refused are answered 403, by list and by name', () => {
    expect(() => access.requirePackages(noNmap(), ['git', 'nmap'])).toThrow(/"nmap" is denied/);
    expect(() => access.requireName(noNmap(), 'shell/nmap')).toThrow(/"nmap" is denied/);
    expect(() => access.requireName(noNmap(), 'shell/git')).not.toThrow();
  });
});
