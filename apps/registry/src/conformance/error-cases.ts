import type { ConformanceCase } from './case.ts';

const CODES = '#error-codes';
const MANIFESTS = '#pulling-manifests';
const ABSENT = `sha256:${'0'.repeat(64)}`;
const NAMES = '#pulling-manifests';
const ATTACHED = '#referrers-tag-schema';

type Failure = readonly [path: string, status: number, code: string, spec?: string];

const FAILURES: readonly Failure[] = [
  ['/v2/nosuchpackage/manifests/latest', 404, 'MANIFEST_UNKNOWN'],
  [`/v2/hello/manifests/${ABSENT}`, 404, 'MANIFEST_UNKNOWN'],
  [`/v2/hello/manifests/sha512:${'0'.repeat(128)}`, 404, 'MANIFEST_UNKNOWN'],
  ['/v2/hello/manifests/sha256:0', 400, 'DIGEST_INVALID'],
  [`/v2/hello/manifests/sha256:${'A'.repeat(64)}`, 400, 'DIGEST_INVALID'],
  [`/v2/hello/manifests/SHA256:${'0'.repeat(64)}`, 400, 'DIGEST_INVALID'],
  ['/v2/hello/manifests/sha512:0', 400, 'DIGEST_INVALID'],
  ['/v2/hello/manifests/:', 400, 'DIGEST_INVALID'],
  ['/v2/hello/manifests/-tag', 400, 'NAME_INVALID'],
  [`/v2/hello/manifests/${'t'.repeat(129)}`, 400, 'NAME_INVALID'],
  [`/v2/hello/manifests/sha256-${'0'.repeat(64)}`, 404, 'MANIFEST_UNKNOWN', ATTACHED],
  [`/v2/hello/manifests/sha256-${'0'.repeat(64)}.sig`, 404, 'MANIFEST_UNKNOWN', ATTACHED],
  [`/v2/hello/manifests/sha512-${'0'.repeat(64)}`, 404, 'MANIFEST_UNKNOWN', ATTACHED],
  [`/v2/hello/blobs/${ABSENT}`, 404, 'BLOB_UNKNOWN'],
  [`/v2/hello/blobs/sha512:${'0'.repeat(128)}`, 404, 'BLOB_UNKNOWN'],
  ['/v2/hello/blobs/latest', 400, 'DIGEST_INVALID'],
  [`/v2/hello/blobs/sha256:${'0'.repeat(63)}`, 400, 'DIGEST_INVALID'],
  ['/v2/hello/blobs/sha256:..%2f..%2fetc%2fpasswd', 400, 'DIGEST_INVALID'],
  [`/v2/HELLO/blobs/${ABSENT}`, 400, 'NAME_INVALID'],
  ['/v2/hello/referrers/latest', 400, 'DIGEST_INVALID'],
  ['/v2/hello/referrers/sha256:0', 400, 'DIGEST_INVALID'],
  [`/v2/HELLO/referrers/${ABSENT}`, 400, 'NAME_INVALID'],
  ['/v2/HELLO/tags/list', 400, 'NAME_INVALID'],
  ['/v2/HELLO/manifests/{oci}', 400, 'NAME_INVALID'],
  ['/v2/hel%6Co/manifests/{oci}', 400, 'NAME_INVALID'],
  ['/v2/../hello/manifests/{oci}', 400, 'NAME_INVALID'],
  [`/v2/${'a/'.repeat(128)}a/manifests/{oci}`, 400, 'NAME_INVALID'],
  ['/v2/docker.io/library/nginx/manifests/{oci}', 400, 'NAME_INVALID'],
  ['/v2/HELLO/blobs/{layer}', 400, 'NAME_INVALID'],
  ['/v2/docker.io/library/nginx/blobs/{layer}', 400, 'NAME_INVALID'],
  ['/v2/docker.io/library/nginx/tags/list', 400, 'NAME_INVALID'],
  ['/v2/docker.io/library/nginx/referrers/{oci}', 400, 'NAME_INVALID'],
  ['/v2/hello/tags/list?n=-1', 400, 'UNSUPPORTED'],
  ['/v2/hello/tags/list?n=x', 400, 'UNSUPPORTED'],
  ['/v2/_catalog', 404, 'UNSUPPORTED'],
  ['/v2/docker.io/library/nginx/manifests/latest', 400, 'NAME_INVALID'],
  ['/v2/hel%6Co/manifests/latest', 400, 'NAME_INVALID'],
  ['/v2/hello%2Fgit/manifests/latest', 400, 'NAME_INVALID'],
  ['/v2/../hello/manifests/latest', 400, 'NAME_INVALID'],
  ['/v2/hello/./manifests/latest', 400, 'NAME_INVALID'],
  ['/v2/hello/manifests/', 400, 'NAME_INVALID'],
  ['/v2/hello', 404, 'NAME_UNKNOWN'],
  ['/v2/hello/', 404, 'NAME_UNKNOWN'],
  ['/v2/hello/manifests', 404, 'NAME_UNKNOWN'],
  ['/v2//manifests/latest', 404, 'NAME_UNKNOWN'],
  ['/v2/hello/blobs/uploads/', 404, 'NAME_UNKNOWN'],
  ['/v2/hello/tags/list/', 404, 'NAME_UNKNOWN'],
];

const WRITES: readonly (readonly [method: string, path: string])[] = [
  ['POST', '/v2/hello/blobs/uploads/'],
  ['PATCH', '/v2/hello/blobs/uploads/1'],
  ['PUT', '/v2/hello/blobs/uploads/1'],
  ['PUT', '/v2/hello/manifests/latest'],
  ['DELETE', '/v2/hello/manifests/{oci}'],
  ['DELETE', '/v2/hello/manifests/latest'],
  ['DELETE', '/v2/hello/blobs/{layer}'],
  ['OPTIONS', '/v2/'],
  ['TRACE', '/v2/hello/manifests/latest'],
];

export const errorCases: readonly ConformanceCase[] = [
  ...FAILURES.map(([path, status, code, spec]): ConformanceCase => ({
    spec: spec ?? (code === 'NAME_INVALID' ? NAMES : CODES),
    title: `GET ${path.slice(0, 60)} is ${status} ${code}`,
    path,
    status,
    has: { 'content-type': 'application/json', 'docker-distribution-api-version': 'registry/2.0' },
    body: { kind: 'error', code },
  })),
  ...FAILURES.map(([path, status]): ConformanceCase => ({
    spec: '#checking-if-content-exists-in-the-registry',
    title: `HEAD ${path.slice(0, 60)} is ${status} without a body`,
    method: 'HEAD',
    path,
    status,
    body: { kind: 'empty' },
  })),
  ...WRITES.map(([method, path]): ConformanceCase => ({
    spec: '#push',
    title: `${method} ${path} is not supported`,
    method,
    path,
    status: 405,
    has: { allow: 'GET, HEAD', 'content-type': 'application/json' },
    body: { kind: 'error', code: 'UNSUPPORTED' },
  })),
  ...['text/html', 'application/vnd.docker.distribution.manifest.v1+prettyjws', '*/*;q=0'].map(
    (accept): ConformanceCase => ({
      spec: MANIFESTS,
      title: `a manifest is unknown to a client that takes ${accept} alone`,
      path: '/v2/hello/manifests/latest',
      headers: { Accept: accept },
      status: 404,
      body: { kind: 'error', code: 'MANIFEST_UNKNOWN' },
    }),
  ),
];
