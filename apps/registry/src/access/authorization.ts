/** What a client says of itself. */
export type Credentials =
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string };

const BASIC = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i;
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/**
 * Reads an Authorization header.
 * {@link https://www.rfc-editor.org/rfc/rfc7617#section-2} {@link https://www.rfc-editor.org/rfc/rfc6750#section-2.1}
 *
 * @returns undefined for none, empty ones, another scheme, or what breaks the grammar: all are no credentials
 */
export function parseAuthorization(header: string | undefined): Credentials | undefined {
  if (header === undefined) return undefined;
  const token = BEARER.exec(header)?.[1];
  if (token !== undefined) return { scheme: 'bearer', token };
  const encoded = BASIC.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  // podman, buildah and skopeo answer the challenge with ":" where nobody has logged in.
  if (colon === -1 || decoded === ':') return undefined;
  return { scheme: 'basic', user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
