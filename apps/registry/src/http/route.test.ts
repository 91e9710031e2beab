import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseRoute } from './route.ts';

describe('a path', () => {
  it.each([
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/git/manifests/latest', { kind: 'manifest', name: 'git', reference: 'latest' }],
    ['/v2/shell/git/manifests/v1', { kind: 'manifest', name: 'shell/git', reference: 'v1' }],
    ['/v2/a/manifests/b/manifests/c', { kind: 'manifest', name: 'a/manifests/b', reference: 'c' }],
    ['/v2/git/blobs/sha256:ab', { kind: 'blob', name: 'git', digest: 'sha256:ab' }],
    ['/v2/git/blobs/sha256%3Aab', { kind: 'blob', name: 'git', digest: 'sha256:ab' }],
    ['/v2/git/tags/list', { kind: 'tags', name: 'git' }],
    ['/v2/git/referrers/sha256:ab', { kind: 'referrers', name: 'git', digest: 'sha256:ab' }],
    ['/v2/_catalog', { kind: 'catalog' }],
    ['/v2/tags/list', { kind: 'unknown' }],
    ['/v2//manifests/x', { kind: 'unknown' }],
    ['/v2/manifests/x', { kind: 'unknown' }],
    ['/v2/git', { kind: 'unknown' }],
    ['/v2/git/uploads/x', { kind: 'unknown' }],
    ['/v1/git/manifests/x', { kind: 'unknown' }],
    ['/', { kind: 'unknown' }],
  ])('%s is read as %j', (path, route) => {
    expect(parseRoute(path)).toEqual(route);
  });

  it('of any form at all is read without an error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseRoute(`/v2/${text}`).kind).toBeDefined();
      }),
    );
  });
});
