/**
 * What a request under `/v2/` is about. Repository names hold slashes, so the end of the path decides, as in the
 * distribution spec's table of endpoints.
 */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  | { readonly kind: 'tags'; readonly name: string }
  | { readonly kind: 'referrers'; readonly name: string; readonly digest: string }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'unknown' };

/**
 * Reads the path of a URL, without its query. Percent-encoding is not undone: no name, tag or digest that the spec allows
 * takes any, save the digest's colon, which some clients encode.
 */
export function parseRoute(path: string): Route {
  if (path === '/v2' || path === '/v2/') return { kind: 'base' };
  if (path === '/v2/_catalog') return { kind: 'catalog' };
  if (!path.startsWith('/v2/')) return { kind: 'unknown' };
  const rest = path.slice('/v2/'.length);
  if (rest.endsWith('/tags/list')) {
    return { kind: 'tags', name: rest.slice(0, -'/tags/list'.length) };
  }
  const last = rest.lastIndexOf('/');
  const beforeLast = rest.lastIndexOf('/', last - 1);
  if (beforeLast <= 0) return { kind: 'unknown' };
  const name = rest.slice(0, beforeLast);
  const reference = rest.slice(last + 1).replace(/^(sha\d+)%3a/i, '$1:');
  switch (rest.slice(beforeLast + 1, last)) {
    case 'manifests':
      return { kind: 'manifest', name, reference };
    case 'blobs':
      return { kind: 'blob', name, digest: reference };
    case 'referrers':
      return { kind: 'referrers', name, digest: reference };
    default:
      return { kind: 'unknown' };
  }
}

/** A request's place in counts: few, whatever clients ask for. */
export type RouteLabel = Route['kind'] | 'operations' | 'page' | 'events';

const OPERATIONS: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** The label of a path that is not below `/v2/`. */
export function labelOf(path: string): RouteLabel {
  if (OPERATIONS.has(path)) return 'operations';
  // A stream for as long as somebody looks on would make all other pages look slow.
  return path.endsWith('/events') ? 'events' : 'page';
}
