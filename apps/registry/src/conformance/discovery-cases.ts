import type { ConformanceCase } from './case.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const TAGS = '#listing-tags';
const REFERRERS = '#listing-referrers';
const ABSENT = `sha256:${'0'.repeat(64)}`;
const noReferrers = {
  kind: 'json',
  value: { schemaVersion: 2, mediaType: INDEX, manifests: [] },
} as const;

/** Of a name that was pulled as `latest` alone. */
const oneTag = { kind: 'json', value: { name: 'hello', tags: ['latest'] } } as const;

/** They expect `sharesa` to have been pulled as b, a, v10, v9 and C. */
export const discoveryCases: readonly ConformanceCase[] = [
  {
    spec: '#determining-support',
    title: 'the registry says that it implements the specification',
    path: '/v2/',
    status: 200,
    has: { 'docker-distribution-api-version': 'registry/2.0' },
    body: { kind: 'json', value: {} },
  },
  {
    spec: TAGS,
    title: 'the tags of a name are listed',
    path: '/v2/hello/tags/list',
    status: 200,
    has: { 'content-type': 'application/json' },
    lacks: ['link'],
    body: oneTag,
  },
  {
    spec: TAGS,
    title: 'the tags of a name are listed in lexical order',
    path: '/v2/sharesa/tags/list',
    status: 200,
    body: {
      kind: 'json',
      value: { name: 'sharesa', tags: ['C', 'a', 'b', 'latest', 'v10', 'v9'] },
    },
  },
  {
    spec: TAGS,
    title: 'no more tags are listed than asked for, with where the next are',
    path: '/v2/sharesa/tags/list?n=2',
    status: 200,
    has: { link: '</v2/sharesa/tags/list?n=2&last=a>; rel="next"' },
    body: { kind: 'json', value: { name: 'sharesa', tags: ['C', 'a'] } },
  },
  {
    spec: TAGS,
    title: 'tags go on after the last one seen, other parameters kept',
    path: '/v2/sharesa/tags/list?ns=registry.example&n=3&last=a',
    status: 200,
    has: { link: '</v2/sharesa/tags/list?ns=registry.example&n=3&last=v10>; rel="next"' },
    body: { kind: 'json', value: { name: 'sharesa', tags: ['b', 'latest', 'v10'] } },
  },
  {
    spec: TAGS,
    title: 'the last page of tags leads nowhere, also where it is full',
    path: '/v2/sharesa/tags/list?n=3&last=b',
    status: 200,
    lacks: ['link'],
    body: { kind: 'json', value: { name: 'sharesa', tags: ['latest', 'v10', 'v9'] } },
  },
  {
    spec: TAGS,
    title: 'tags go on after one that is not there',
    path: '/v2/sharesa/tags/list?last=v1',
    status: 200,
    body: { kind: 'json', value: { name: 'sharesa', tags: ['v10', 'v9'] } },
  },
  {
    spec: TAGS,
    title: 'a page of no tags is empty and leads nowhere',
    path: '/v2/sharesa/tags/list?n=0',
    status: 200,
    lacks: ['link'],
    body: { kind: 'json', value: { name: 'sharesa', tags: [] } },
  },
  {
    spec: TAGS,
    title: 'HEAD tells the size of a list',
    method: 'HEAD',
    path: '/v2/hello/tags/list',
    status: 200,
    has: { 'content-length': '34' },
    body: { kind: 'empty' },
  },
  ...['hello/hello', 'amd64/hello', 'cacert/hello'].map((name): ConformanceCase => ({
    spec: TAGS,
    title: `tags are those of the image, however it is spelled: ${name}`,
    path: `/v2/${name}/tags/list`,
    status: 200,
    body: { kind: 'json', value: { name, tags: ['latest'] } },
  })),
  ...['{oci}', ABSENT, `sha512:${'0'.repeat(128)}`].map((digest) => ({
    spec: REFERRERS,
    title: `referrers are an empty index, not an error: ${digest.slice(0, 12)}`,
    path: `/v2/hello/referrers/${digest}`,
    status: 200,
    has: { 'content-type': INDEX },
    lacks: ['oci-filters-applied', 'link'],
    body: noReferrers,
  })),
  {
    spec: REFERRERS,
    title: 'a filter of referrers is said to have been applied',
    path: '/v2/hello/referrers/{oci}?artifactType=application%2Fvnd.example',
    status: 200,
    has: { 'content-type': INDEX, 'oci-filters-applied': 'artifactType' },
    body: noReferrers,
  },
];
