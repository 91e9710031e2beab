const HIDDEN = '***';

/** `user:password@` of an address; a password may hold any "@" but the last. RFC 3986, section 3.2.1 */
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)[^/?#\s'"<>]*@/gi;
/** Parameters of addresses whose names speak of secrets: tokens, signatures of presigned addresses. */
const PARAMETER =
  /([?&;][^\s=&;#'"<>]*(?:auth|credential|key|passw|secret|session|sig|token)[^\s=&;#'"<>]*=)[^\s&;#'"<>]*/gi;
const AUTHORIZATION = /\b((?:proxy-)?authorization:\s*(?:(?:basic|bearer|digest)\s+)?)[^\s'"]+/gi;
/** A line of nix.conf, which Nix repeats where it cannot read it. */
const SETTING = /\b(access-tokens\s*=\s*)[^\n'"]+/gi;
/** What forges give out. https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/ */
const TOKEN = /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,})/g;

/** Text that others have written, such as Nix and git, without what lets somebody in somewhere. */
export function redactSecrets(text: string): string {
  return text
    .replaceAll(USER_INFO, `$1${HIDDEN}@`)
    .replaceAll(PARAMETER, `$1${HIDDEN}`)
    .replaceAll(AUTHORIZATION, `$1${HIDDEN}`)
    .replaceAll(SETTING, `$1${HIDDEN}`)
    .replaceAll(TOKEN, HIDDEN);
}
