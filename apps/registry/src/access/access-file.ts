/** Which of the files that say who may do what. */
export type AccessFileKind = 'htpasswd' | 'tokens' | 'policy' | 'TLS';

/** What `AccessFileError.code` can be. */
export type AccessFileErrorCode =
  /** The file cannot be read. */
  | 'unreadable'
  /** What it holds cannot be used. */
  | 'malformed';

/** A file about access that cannot be used. Its message names the file and what to mend, and never holds a secret. */
export class AccessFileError extends Error {
  override readonly name = 'AccessFileError';
  readonly code: AccessFileErrorCode;

  constructor(code: AccessFileErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}

/** A line of a file of `name:secret` lines. */
export interface SecretLine {
  readonly line: number;
  readonly user: string;
  readonly secret: string;
}

/**
 * The lines `user:secret` of a file; empty ones and those that begin with `#` are left out.
 *
 * @throws AccessFileError `malformed`, with the number of the line and not what is in it
 */
export function parseSecretLines(text: string): readonly SecretLine[] {
  const entries: SecretLine[] = [];
  for (const [index, whole] of text.split('\n').entries()) {
    const line = index + 1;
    const written = whole.trim();
    if (written === '' || written.startsWith('#')) continue;
    const colon = written.indexOf(':');
    const user = written.slice(0, Math.max(colon, 0));
    const secret = written.slice(colon + 1);
    if (user === '' || secret === '') {
      throw new AccessFileError('malformed', `line ${line} is not "user:secret"`);
    }
    entries.push({ line, user, secret });
  }
  return entries;
}
