import { BuildError, type BuildErrorCode } from '@nixery/builder';
import { CacheError } from '@nixery/cache';
import { BlobError, type BlobErrorCode } from '@nixery/storage';

/** distribution-spec, "Error Codes". */
export type OciErrorCode =
  | 'BLOB_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED';

/** An answer that is not what the client asked for. The message is read by people, where their client shows it. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: OciErrorCode;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: OciErrorCode,
    message: string,
    options: ErrorOptions & {
      readonly detail?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
  }

  /** Id of the build that failed. */
  get build(): string | undefined {
    return this.cause instanceof BuildError ? this.cause.build : undefined;
  }

  /** The error document: distribution-spec, "Error Codes". */
  get body(): Buffer {
    const { code, detail, message } = this;
    const error = { code, message, ...(detail !== undefined && { detail }) };
    return Buffer.from(`${JSON.stringify({ errors: [error] })}\n`);
  }
}

const RETRY_SOON = { 'Retry-After': '5' };
const RETRY_LATER = { 'Retry-After': '30' };

/** Every HTTP status that is an error is chosen here. */
export const httpErrors = {
  blobUnknown: (digest: string) =>
    new HttpError(404, 'BLOB_UNKNOWN', `blob ${digest} is not in this registry`),
  digestInvalid: () =>
    new HttpError(
      400,
      'DIGEST_INVALID',
      'invalid digest: it must be an algorithm, ":" and lower-case hex, such as "sha256:" and 64 hex digits',
    ),
  manifestUnknown: (digest: string) =>
    new HttpError(
      404,
      'MANIFEST_UNKNOWN',
      `manifest ${digest} is not in this registry; pull the image by its tag`,
    ),
  nothingAttached: () =>
    new HttpError(
      404,
      'MANIFEST_UNKNOWN',
      'tags of digests are for what is attached to a manifest, such as signatures; nothing is attached to images of this registry',
    ),
  notAcceptable: () =>
    // As other registries do: the specification has no code for 406, and no client knows what to make of it.
    new HttpError(
      404,
      'MANIFEST_UNKNOWN',
      'there is no manifest of a media type that is accepted: accept OCI image manifests or Docker schema 2',
    ),
  catalogOff: () =>
    new HttpError(
      404,
      'UNSUPPORTED',
      'this registry does not list its images; its operator can have it do so with NIXERY_CATALOG=1',
    ),
  pageInvalid: () =>
    new HttpError(400, 'UNSUPPORTED', 'n must be a whole number: how many entries to list at most'),
  requestMalformed: () =>
    new HttpError(400, 'UNSUPPORTED', 'this cannot be read as an HTTP request'),
  requestTooSlow: () => new HttpError(408, 'UNSUPPORTED', 'the request took too long to arrive'),
  headersTooLarge: () =>
    new HttpError(431, 'UNSUPPORTED', "the request's address and headers are too long"),
  hostMissing: () =>
    new HttpError(400, 'UNSUPPORTED', 'the request has no Host header, or several'),
  rangeNotSatisfiable: (size: number) =>
    new HttpError(416, 'UNSUPPORTED', `the blob has ${size} bytes`, {
      headers: { 'Content-Range': `bytes */${size}` },
    }),
  readOnly: () =>
    new HttpError(
      405,
      'UNSUPPORTED',
      'this registry builds images on demand from their names; nothing can be pushed to it or deleted from it',
      { headers: { Allow: 'GET, HEAD' } },
    ),
  routeUnknown: () =>
    new HttpError(
      404,
      'NAME_UNKNOWN',
      'there is no such address in a registry; image manifests are at /v2/<name>/manifests/<tag>',
    ),
  buildUnknown: () =>
    new HttpError(
      404,
      'UNSUPPORTED',
      'this server does not remember such a build: it remembers those that run and the last that ended, until it is started anew',
    ),
  /** Basic alone: docker takes the realm of a Bearer challenge for the address of a token server. */
  unauthorized: (message: string) =>
    new HttpError(401, 'UNAUTHORIZED', message, {
      headers: { 'WWW-Authenticate': 'Basic realm="nixery"' },
    }),
  denied: (message: string) => new HttpError(403, 'DENIED', message),
  tooManyRequests: (waitMs: number) =>
    new HttpError(429, 'TOOMANYREQUESTS', 'too many requests from you; ask again in a moment', {
      headers: { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
    }),
  notNow: (cause: unknown) =>
    new HttpError(503, 'TOOMANYREQUESTS', 'this registry cannot say now; ask again in a moment', {
      cause,
      headers: RETRY_SOON,
    }),
  stillBuilding: () =>
    new HttpError(
      429,
      'TOOMANYREQUESTS',
      'the image is still being built; pull it again in a moment',
      { headers: RETRY_SOON },
    ),
  internal: (cause: unknown) =>
    new HttpError(500, 'UNSUPPORTED', 'internal error; the log has more under this request id', {
      cause,
    }),
} as const satisfies Record<string, (...args: never[]) => HttpError>;

/**
 * How a build's failure is answered. Clients show the message of a 4xx and hide that of any 5xx, so 5xx is for faults of
 * ours only. 429 is what they are told when asking again may help: podman and skopeo then wait and do.
 */
const BUILD_FAILURES: Readonly<
  Record<
    BuildErrorCode,
    readonly [status: number, code: OciErrorCode, headers?: Readonly<Record<string, string>>]
  >
> = {
  'name-invalid': [400, 'NAME_INVALID'],
  'reference-not-found': [404, 'MANIFEST_UNKNOWN'],
  'package-not-found': [404, 'MANIFEST_UNKNOWN'],
  'package-refused': [403, 'DENIED'],
  'not-substitutable': [403, 'DENIED'],
  'evaluation-failed': [422, 'MANIFEST_INVALID'],
  'build-failed': [422, 'MANIFEST_INVALID'],
  'hash-mismatch': [422, 'MANIFEST_INVALID'],
  timeout: [422, 'MANIFEST_INVALID'],
  'layer-refused': [422, 'MANIFEST_INVALID'],
  deadline: [429, 'TOOMANYREQUESTS', RETRY_LATER],
  'source-unavailable': [429, 'TOOMANYREQUESTS', RETRY_SOON],
  overloaded: [429, 'TOOMANYREQUESTS', RETRY_SOON],
  stopping: [503, 'TOOMANYREQUESTS', RETRY_SOON],
  internal: [500, 'UNSUPPORTED'],
};

/** Bytes of a build log that are sent to a client. */
const MAX_LOG = 2_048;

/** How a failure of the storage is answered, in words of ours: the storage's own may hold paths and addresses. */
const STORAGE_FAILURES: Readonly<Partial<Record<BlobErrorCode, string>>> = {
  unavailable: 'the storage of this registry is not available',
  denied: 'the storage of this registry refuses access',
  full: 'the storage of this registry is full',
  corrupt: 'the storage of this registry holds a damaged blob',
};

/**
 * Any failure as the answer it becomes.
 *
 * @param buildsAt where the pages of builds are, such as `registry.example/builds`; undefined where there are none
 */
export function toHttpError(error: unknown, buildsAt?: string): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof BuildError && !(error.cause instanceof BlobError))
    return fromBuildError(error, buildsAt);
  if (error instanceof CacheError) {
    const message = 'this registry does not know for now what it has built';
    return new HttpError(503, 'TOOMANYREQUESTS', message, { cause: error, headers: RETRY_SOON });
  }
  const blobError = error instanceof BuildError ? error.cause : error;
  const storage = blobError instanceof BlobError ? STORAGE_FAILURES[blobError.code] : undefined;
  if (storage === undefined) return httpErrors.internal(error);
  return new HttpError(503, 'TOOMANYREQUESTS', storage, { cause: error, headers: RETRY_SOON });
}

function fromBuildError(error: BuildError, buildsAt: string | undefined): HttpError {
  const [status, code, headers = {}] = BUILD_FAILURES[error.code];
  const { problems, derivation, log } = error.details;
  const name = derivation === undefined ? '' : derivation.replace(/^.*\/[a-z0-9]{32}-/, '');
  const tail = tailOf(log ?? [], MAX_LOG);
  const message = [
    derivation === undefined || !FAILED_IN_A_DERIVATION.has(error.code)
      ? error.message
      : `building ${name} failed${error.code === 'build-failed' ? '' : `: ${error.message}`}`,
    ...(buildsAt === undefined || error.build === undefined || !HAS_MORE.has(error.code)
      ? []
      : [`more: ${buildsAt}/${error.build}`]),
    ...(tail === '' ? [] : ['the end of its log:', tail]),
  ].join('\n');
  return new HttpError(status, code, message, {
    cause: error,
    headers,
    detail: problems ?? (derivation === undefined ? undefined : { derivation }),
  });
}

const FAILED_IN_A_DERIVATION: ReadonlySet<BuildErrorCode> = new Set([
  'build-failed',
  'hash-mismatch',
  'timeout',
]);

/** Failures of which a build's page says more than its message. */
const HAS_MORE: ReadonlySet<BuildErrorCode> = new Set([...FAILED_IN_A_DERIVATION, 'deadline']);

/** The last whole lines that take no more than `limit` bytes together. */
function tailOf(lines: readonly string[], limit: number): string {
  const kept: string[] = [];
  let size = 0;
  for (const line of lines.toReversed()) {
    size += Buffer.byteLength(line) + 1;
    if (size > limit) break;
    kept.unshift(line);
  }
  return kept.join('\n');
}
