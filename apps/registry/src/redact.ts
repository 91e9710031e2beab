/** Parameters whose values let somebody do something: tokens, signatures of presigned addresses, and the like. */
const SECRET =
  /([?&;][^=&;#]*(?:auth|credential|key|passw|secret|session|sig|token)[^=&;#]*=)[^&;#]*/gi;
/** `user:password@`. RFC 3986, section 3.2.1 */
const USER_INFO = /\/\/[^/?#]*@/g;

/** A URL, or the target of a request, without what must not stand in a log. */
export function redactUrl(url: string): string {
  if (!url.includes('?') && !url.includes('@')) return url;
  return url.replaceAll(USER_INFO, '//***@').replaceAll(SECRET, '$1***');
}
