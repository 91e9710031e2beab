import { hideParameter, redactSecrets } from '@nixery/builder';

/** `user:password@`. RFC 3986, section 3.2.1 */
const USER_INFO = /\/\/[^/?#]*@/g;
/** What may be a parameter, the first one with what is before it. */
const PARAMETER = /[^&;#]+/g;

/** A URL, or the target of a request, without what must not stand in a log. */
export function redactUrl(url: string): string {
  if (!url.includes('?') && !url.includes('@')) return url;
  return url
    .replaceAll(USER_INFO, '//***@')
    .replaceAll(PARAMETER, (part, at: number, all: string) => hideParameter(part, all[at - 1]));
}

/** Errors within errors that are shown. */
const MAX_CAUSES = 8;

/**
 * An error as it stands in a log. What else it carries is left out, since that may be anything: the arguments of a process,
 * the headers of a request to a bucket.
 */
export function describeError(error: unknown, depth = 0): object | string {
  if (!(error instanceof Error)) return redactSecrets(String(error));
  const { cause, message, name, stack = '' } = error;
  return {
    type: name,
    ...('code' in error && { code: error.code }),
    message: redactSecrets(message),
    stack: redactSecrets(stack),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: describeError(cause, depth + 1) }),
  };
}
