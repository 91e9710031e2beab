import type { ConformanceCase } from './case.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const MANIFESTS = '#pulling-manifests';
const BLOBS = '#pulling-blobs';
const EXISTENCE = '#checking-if-content-exists-in-the-registry';
const CONDITIONS = 'https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests';
const NEGOTIATION = 'https://www.rfc-editor.org/rfc/rfc9110#name-accept';
const RANGES = 'https://www.rfc-editor.org/rfc/rfc9110#name-range-requests';
const OCI_TESTS =
  'https://github.com/opencontainers/distribution-spec/blob/main/conformance/run.go';

const manifest = {
  'content-type': OCI,
  'docker-content-digest': '{oci}',
  etag: '"{oci}"',
  vary: 'Accept',
} as const;
const dockerManifest = {
  ...manifest,
  'content-type': DOCKER,
  'docker-content-digest': '{docker}',
  etag: '"{docker}"',
} as const;
const byTag = '/v2/hello/manifests/latest';
const oci = { kind: 'content', digest: '{oci}' } as const;
const docker = { kind: 'content', digest: '{docker}' } as const;
const layer = { kind: 'content', digest: '{layer}' } as const;
const empty = { kind: 'empty' } as const;

/** Accept headers that get a manifest, and which. */
const ACCEPTED: readonly (readonly [string, 'oci' | 'docker'])[] = [
  ['*/*', 'oci'],
  ['application/*', 'oci'],
  [OCI, 'oci'],
  [DOCKER, 'docker'],
  [`${DOCKER}, ${OCI}`, 'oci'],
  [`${OCI};q=0.1, ${DOCKER};q=1`, 'oci'],
  [`${OCI};q=0, ${DOCKER}`, 'docker'],
  [`text/html, ${DOCKER};q=0.9`, 'docker'],
  [`application/vnd.oci.image.index.v1+json, ${OCI}`, 'oci'],
];

const negotiation: readonly ConformanceCase[] = ACCEPTED.map(([accept, form]) => ({
  spec: NEGOTIATION,
  title: `a manifest for "Accept: ${accept}" has the ${form} form`,
  path: byTag,
  headers: { Accept: accept },
  status: 200,
  has: form === 'oci' ? manifest : dockerManifest,
  body: form === 'oci' ? oci : docker,
}));

const manifests: readonly ConformanceCase[] = [
  {
    spec: MANIFESTS,
    title: 'a manifest is got by its tag',
    path: byTag,
    status: 200,
    has: manifest,
    body: oci,
  },
  {
    spec: MANIFESTS,
    title: 'a manifest is got by its digest',
    path: '/v2/hello/manifests/{oci}',
    status: 200,
    has: manifest,
    body: oci,
  },
  {
    spec: MANIFESTS,
    title: 'a manifest is got by its digest in the Docker form',
    path: '/v2/hello/manifests/{docker}',
    headers: { Accept: DOCKER },
    status: 200,
    has: dockerManifest,
    body: docker,
  },
  {
    spec: EXISTENCE,
    title: 'HEAD says that a tag exists, with the size of its manifest',
    method: 'HEAD',
    path: byTag,
    status: 200,
    has: manifest,
    body: empty,
  },
  {
    spec: EXISTENCE,
    title: 'HEAD says that a manifest exists',
    method: 'HEAD',
    path: '/v2/hello/manifests/{oci}',
    status: 200,
    has: manifest,
    body: empty,
  },
  {
    spec: 'https://github.com/containerd/containerd/blob/main/docs/hosts.md',
    title: 'a manifest asked of a mirror is got whatever namespace it is asked for',
    path: `${byTag}?ns=registry.example`,
    status: 200,
    has: manifest,
    body: oci,
  },
  ...['"{oci}"', '*', 'W/"{oci}"', '"other", W/"{oci}" , "more"'].map((tags) => ({
    spec: CONDITIONS,
    title: `a manifest that the client has is not sent again for If-None-Match: ${tags}`,
    path: byTag,
    headers: { 'If-None-Match': tags },
    status: 304,
    has: { etag: '"{oci}"', vary: 'Accept' },
    body: empty,
  })),
  {
    spec: CONDITIONS,
    title: 'a manifest in another form than the client has is sent',
    path: byTag,
    headers: { Accept: DOCKER, 'If-None-Match': '"{oci}"' },
    status: 200,
    has: dockerManifest,
    body: docker,
  },
];

const blobHeaders = {
  'docker-content-digest': '{layer}',
  etag: '"{layer}"',
  'accept-ranges': 'bytes',
  'cache-control': 'public, max-age=31536000, immutable',
} as const;
const blob = '/v2/hello/blobs/{layer}';

/** Range headers, and which bytes of the layer they get. */
const PARTS: readonly (readonly [string, string, number, number])[] = [
  ['bytes=0-9', '0-9', 0, 10],
  ['bytes=3-3', '3-3', 3, 1],
  ['bytes={lastByte}-', '{lastByte}-{lastByte}', -1, 1],
  ['bytes=-1', '{lastByte}-{lastByte}', -1, 1],
  ['bytes={lastByte}-99999999999999999999', '{lastByte}-{lastByte}', -1, 1],
];

/** Range headers that get nothing, and where it is said. */
const UNSATISFIABLE: readonly (readonly [range: string, spec: string])[] = [
  ['bytes={size}-', RANGES],
  ['bytes=-0', RANGES],
  ['bytes=99999999999999999999-', RANGES],
  ['bytes=500-0', OCI_TESTS],
  ['bytes=5-3', OCI_TESTS],
];

const ranges: readonly ConformanceCase[] = [
  ...PARTS.map(([range, sent, offset, length]): ConformanceCase => ({
    spec: RANGES,
    title: `a blob is sent in part for "${range}"`,
    path: blob,
    headers: { Range: range },
    status: 206,
    has: {
      ...blobHeaders,
      'content-range': `bytes ${sent}/{size}`,
      'content-length': String(length),
    },
    body: { kind: 'part', offset, length },
  })),
  ...['bytes=0-0,2-3', 'bytes=-', 'lines=0-3', 'bytes=a-'].map((range) => ({
    spec: RANGES,
    title: `a blob is sent whole for "${range}"`,
    path: blob,
    headers: { Range: range },
    status: 200,
    has: blobHeaders,
    body: layer,
  })),
  ...UNSATISFIABLE.map(([range, spec]): ConformanceCase => ({
    spec,
    title: `a blob has nothing for "${range}"`,
    path: blob,
    headers: { Range: range },
    status: 416,
    has: { 'content-range': 'bytes */{size}' },
    body: { kind: 'error', code: 'UNSUPPORTED' },
  })),
  {
    spec: 'https://www.rfc-editor.org/rfc/rfc9110#name-if-range',
    title: 'a blob is sent in part where If-Range names it',
    path: blob,
    headers: { Range: 'bytes=0-9', 'If-Range': '"{layer}"' },
    status: 206,
    body: { kind: 'part', offset: 0, length: 10 },
  },
  ...['"other"', 'W/"{layer}"', 'Thu, 01 Jan 1970 00:00:01 GMT'].map((condition) => ({
    spec: 'https://www.rfc-editor.org/rfc/rfc9110#name-if-range',
    title: `a blob is sent whole for "If-Range: ${condition}"`,
    path: blob,
    headers: { Range: 'bytes=0-9', 'If-Range': condition },
    status: 200,
    body: layer,
  })),
];

const blobs: readonly ConformanceCase[] = [
  {
    spec: BLOBS,
    title: 'a layer is got by its digest',
    path: blob,
    status: 200,
    has: { ...blobHeaders, 'content-length': '{size}', 'content-type': 'application/octet-stream' },
    body: layer,
  },
  {
    spec: BLOBS,
    title: 'a blob is got with its digest percent-encoded, as some clients write it',
    path: '/v2/hello/blobs/{encodedLayer}',
    status: 200,
    body: layer,
  },
  {
    spec: BLOBS,
    title: 'a config is got by its digest',
    path: '/v2/hello/blobs/{config}',
    status: 200,
    has: { 'docker-content-digest': '{config}' },
    body: { kind: 'content', digest: '{config}' },
  },
  {
    spec: EXISTENCE,
    title: 'HEAD says that a blob exists, with its size',
    method: 'HEAD',
    path: blob,
    status: 200,
    has: { ...blobHeaders, 'content-length': '{size}' },
    body: empty,
  },
  {
    spec: EXISTENCE,
    title: 'HEAD tells the size of the whole blob, whatever range it asks for',
    method: 'HEAD',
    path: blob,
    headers: { Range: 'bytes=0-9' },
    status: 200,
    has: { 'content-length': '{size}' },
    body: empty,
  },
  {
    spec: CONDITIONS,
    title: 'a blob that the client has is not sent again',
    path: blob,
    headers: { 'If-None-Match': '"{layer}"' },
    status: 304,
    has: blobHeaders,
    body: empty,
  },
];

export const pullCases: readonly ConformanceCase[] = [
  ...manifests,
  ...negotiation,
  ...blobs,
  ...ranges,
];
