import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { accepts, chooseForm } from './accept.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const OTHERS = [
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/json',
  'text/html',
];

describe('an Accept header', () => {
  it.each([
    [undefined, 'oci'],
    ['', 'oci'],
    ['*/*', 'oci'],
    ['application/*;q=0.5', 'oci'],
    [OCI, 'oci'],
    [DOCKER, 'docker'],
    [`${DOCKER}, ${OCI}`, 'oci'],
    [`${DOCKER};q=1, ${OCI};q=0.1`, 'oci'],
    [`${OCI};q=0, ${DOCKER}`, 'docker'],
    [`${OCI};q=0, */*`, 'docker'],
    [`application/*;q=0, */*`, undefined],
    [`application/*;q=0, ${DOCKER}`, 'docker'],
    [`*/*;q=0.000`, undefined],
    [`${OCI};q=0;a=1, ${OCI}`, 'oci'],
    [', ,', 'oci'],
    [`${OCI.toUpperCase()} ; charset=utf-8`, 'oci'],
    ['text/html', undefined],
    ['application/vnd.docker.distribution.manifest.v1+prettyjws', undefined],
  ])('%j gets %s', (accept, form) => {
    expect(chooseForm(accept)).toBe(form);
  });

  it.each([
    [undefined, 'oci'],
    ['*/*', 'oci'],
    ['application/vnd.oci.image.index.v1+json', 'oci'],
    ['application/vnd.docker.distribution.manifest.list.v2+json', 'docker'],
    [`${OCI}, ${DOCKER}`, undefined],
    [OTHERS.join(','), 'oci'],
  ])('%j gets an index in form %s', (accept, form) => {
    expect(chooseForm(accept, 'index')).toBe(form);
  });

  it('gets the same form in whatever order it lists its types', () => {
    const all = [OCI, DOCKER, ...OTHERS];
    fc.assert(
      fc.property(fc.shuffledSubarray(all), (types) => {
        expect(chooseForm(types.join(', '))).toBe(chooseForm(types.toSorted().join(',')));
      }),
    );
  });
});

describe('a manifest asked for by digest', () => {
  it.each([
    [undefined, true],
    [DOCKER, true],
    [`${DOCKER};q=0`, false],
    [`*/*, ${DOCKER};q=0`, false],
    [OCI, false],
  ])('is accepted by %j: %s', (accept, expected) => {
    expect(accepts(accept, DOCKER)).toBe(expected);
  });
});
