import type { Storage } from '@google-cloud/storage';
import * as z from 'zod';
import type { StoredObject } from '../bucket/bucket.ts';
import { BlobError } from '../error.ts';
import { parseJson } from './error.ts';
import type { Http, HttpAnswer, HttpBody } from './http.ts';

export interface GcsRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the endpoint, such as `/storage/v1/b/name`; or a whole address. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  readonly signal: AbortSignal;
}

/** A bucket, and how to send requests about it. */
export interface Connection {
  readonly bucket: string;
  send(request: GcsRequest): Promise<HttpAnswer>;
}

/** An object resource (cloud.google.com/storage/docs/json_api/v1/objects#resource); its numbers are strings. */
const resourceSchema = z.object({
  name: z.string(),
  size: z.string().regex(/^\d+$/).transform(Number),
  generation: z.string(),
  updated: z.iso.datetime({ offset: true }).transform((time) => new Date(time)),
  crc32c: z.string().optional(),
});

export type Resource = z.infer<typeof resourceSchema>;

const listSchema = z.object({
  items: z.array(resourceSchema).default([]),
  nextPageToken: z.string().optional(),
});

/** What is asked for of a resource. */
export const RESOURCE_FIELDS = 'name,size,generation,updated,crc32c';

/**
 * Sends requests with the credentials that `storage`, the client library, has found; it also refreshes them. The
 * requests are our own because the library's cannot be ended at a deadline, and because it removes an object by its
 * name if a checksum is wrong after an upload, be it another replica's good one.
 */
export function createConnection(
  storage: Storage,
  http: Http,
  bucket: string,
  authenticate: boolean,
): Connection {
  return {
    bucket,
    async send({ method, path, query = {}, headers = {}, body, signal }) {
      const url = new URL(path, storage.apiEndpoint);
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined) url.searchParams.set(name, value);
      }
      const credentials = authenticate ? await authorization(storage) : {};
      return await http({ method, url, headers: { ...credentials, ...headers }, body, signal });
    },
  };
}

export function objectPath(bucket: string, key: string): string {
  return `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}`;
}

export async function readResource(answer: HttpAnswer): Promise<Resource> {
  return parse(resourceSchema, await answer.text());
}

export async function readList(answer: HttpAnswer): Promise<z.infer<typeof listSchema>> {
  return parse(listSchema, await answer.text());
}

export function storedObject({ size, updated, generation }: Resource): StoredObject {
  return { size, modifiedAt: updated, version: generation };
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new BlobError('unavailable', `Cloud Storage answers what is no answer of its API`, {
    cause: parsed.error,
  });
}

async function authorization(storage: Storage): Promise<Record<string, string>> {
  try {
    return Object.fromEntries(await storage.authClient.getRequestHeaders());
  } catch (cause) {
    throw credentialsError(cause);
  }
}

/** No credentials, revoked ones, or a token service out of reach: only the last goes away by itself. */
function credentialsError(cause: unknown): BlobError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (isConnectionFault(cause)) {
    return new BlobError('unavailable', `Cannot get a token for Cloud Storage: ${message}`, {
      cause,
    });
  }
  return new BlobError(
    'denied',
    `Cannot get credentials for Cloud Storage: ${message}; set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account's key, or run where a metadata server gives credentials`,
    { cause },
  );
}

const NETWORK_CODES = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** Whether a service of Google's may answer Google's library another time. */
export function isConnectionFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const status = 'status' in error ? Number(error.status) : Number.NaN;
  if (status >= 500 || status === 429) return true;
  return 'code' in error && NETWORK_CODES.has(String(error.code));
}
