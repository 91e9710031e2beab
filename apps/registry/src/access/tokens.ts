import { createHash } from 'node:crypto';

import { AccessFileError, parseSecretLines } from './access-file.ts';

/** A token shorter than this can be guessed. */
const MIN_LENGTH = 16;

/** RFC 6750, section 2.1: what a bearer token may be made of. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Static tokens and whom they stand for. */
export class Tokens {
  /**
   * By digest: how long a look-up takes then says something of the digest of a wrong token, and nothing of the tokens that
   * are right.
   */
  readonly #users: ReadonlyMap<string, string>;

  constructor(entries: Iterable<readonly [token: string, user: string]>) {
    this.#users = new Map([...entries].map(([token, user]) => [digestOf(token), user]));
  }

  /** Whose token this is. */
  userOf(token: string): string | undefined {
    return this.#users.get(digestOf(token));
  }
}

/**
 * Reads a file of `user:token` lines. A user may have several tokens.
 *
 * @throws AccessFileError `malformed`
 */
export function parseTokens(text: string): Tokens {
  const entries = new Map<string, string>();
  for (const { line, user, secret } of parseSecretLines(text)) {
    if (secret.length < MIN_LENGTH || !TOKEN.test(secret)) {
      throw new AccessFileError(
        'malformed',
        `line ${line}: a token has at least ${MIN_LENGTH} letters, digits and "-._~+/", such as the output of: openssl rand -hex 32`,
      );
    }
    if (entries.has(secret)) {
      throw new AccessFileError('malformed', `line ${line}: this token stands in the file twice`);
    }
    entries.set(secret, user);
  }
  return new Tokens(entries);
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
