import { AccessFileError, parseSecretLines } from './access-file.ts';

/** Users and their bcrypt hashes. */
export type Htpasswd = ReadonlyMap<string, string>;

/** bcrypt as `htpasswd -B` and others write it: version, cost, 22 characters of salt, 31 of hash. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** Twice the work a step: at 15 one password takes several seconds of a processor. */
const MAX_COST = 15;
const MIN_COST = 4;

/**
 * Reads a file as Apache's htpasswd writes it with `-B`. Of two lines for one user the first counts, as with Apache.
 * {@link https://httpd.apache.org/docs/2.4/misc/password_encryptions.html}
 *
 * @throws AccessFileError `malformed` for any hash but bcrypt's
 */
export function parseHtpasswd(text: string): Htpasswd {
  const users = new Map<string, string>();
  for (const { line, user, secret } of parseSecretLines(text)) {
    const cost = BCRYPT.exec(secret)?.[1];
    if (cost === undefined) {
      throw new AccessFileError(
        'malformed',
        `line ${line}: the password of ${JSON.stringify(user)} is not hashed with bcrypt; write it with: htpasswd -B FILE ${user}`,
      );
    }
    if (Number(cost) < MIN_COST || Number(cost) > MAX_COST) {
      throw new AccessFileError(
        'malformed',
        `line ${line}: bcrypt's cost is ${Number(cost)}; use ${MIN_COST} to ${MAX_COST}`,
      );
    }
    if (!users.has(user)) users.set(user, secret);
  }
  return users;
}

/** The hash whose checking takes the longest, for those who name no user there is; undefined for no users at all. */
export function costliest(users: Htpasswd): string | undefined {
  return [...users.values()].toSorted((a, b) => Number(b.slice(4, 6)) - Number(a.slice(4, 6)))[0];
}
