const HIDDEN = '***';

// Strangers choose what is looked through, and how long it is. So none of these may begin where it could have begun before, and
// try the same again: the time would grow with the square of the length, or worse.

/** `user:password@` of an address; a password may hold any "@" but the last. RFC 3986, section 3.2.1 */
const USER_INFO = /(:\/\/)[^/?#\s'"<>]*@/g;
/** What may be a parameter of an address, with what is before its "?". */
const PARAMETER = /[^\s&;#'"<>]+/g;
/** Names of parameters that let somebody do something: tokens, signatures of presigned addresses. */
const SECRET_NAME = /auth|credential|key|passw|secret|session|sig|token/i;
const AUTHORIZATION = /\b((?:proxy-)?authorization:\s*(?:(?:basic|bearer|digest)\s+)?)[^\s'"]+/gi;
/** A line of nix.conf, which Nix repeats where it cannot read it. */
const SETTING = /\b(access-tokens\s*=\s*)[^\n'"]+/gi;
/** What forges give out. https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/ */
const TOKEN = /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,})/g;

/** Text that others have written, such as Nix and git, without what lets somebody in somewhere. */
export function redactSecrets(text: string): string {
  return text
    .replaceAll(USER_INFO, `$1${HIDDEN}@`)
    .replaceAll(PARAMETER, (part, at: number, all: string) => hideParameter(part, all[at - 1]))
    .replaceAll(AUTHORIZATION, `$1${HIDDEN}`)
    .replaceAll(SETTING, `$1${HIDDEN}`)
    .replaceAll(TOKEN, HIDDEN);
}

/**
 * A parameter of an address, `name=value`, without the value where its name speaks of a secret.
 *
 * @param part without a separator, save the "?" that all parameters are behind
 * @param before the character before it
 */
export function hideParameter(part: string, before: string | undefined): string {
  const isBehindAnother = before === '&' || before === ';';
  const nameAt = isBehindAnother ? 0 : part.indexOf('?') + 1;
  const valueAt = part.indexOf('=', nameAt) + 1;
  if (valueAt === 0 || (nameAt === 0 && !isBehindAnother)) return part;
  return SECRET_NAME.test(part.slice(nameAt, valueAt)) ? part.slice(0, valueAt) + HIDDEN : part;
}
