import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import type { PopularityCounts, Sha256Digest } from './types.ts';

export type PopularityErrorCode =
  /** Neither http, https nor file. */
  | 'unsupported-url'
  /** Not there, or not answering. */
  | 'unavailable'
  | 'too-large'
  /** Not JSON, or not an object of counts by name. */
  | 'invalid';

/** Popularity could not be loaded. */
export class PopularityError extends Error {
  override readonly name = 'PopularityError';
  readonly code: PopularityErrorCode;

  constructor(code: PopularityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** How popular the paths of a package set are. */
export interface Popularity extends PopularityCounts {
  /** Of the document: plans follow from it, so it belongs in every key that a planned image is found by. */
  readonly digest: Sha256Digest;
}

export interface LoadPopularityOptions {
  /** The largest document that is read, in bytes. All of nixpkgs takes some 5 MB. */
  readonly maxBytes?: number;
  /** For all of it (ms). */
  readonly deadlineMs?: number;
}

/** The form that Nixery's own counter writes: an object of reference counts by name, `{"glibc-2.40-66": 40321}`. */
const documentSchema = z.record(z.string(), z.int().nonnegative());

/**
 * Loads how often each name is referred to.
 *
 * @param url http, https or file
 * @throws PopularityError
 */
export async function loadPopularity(
  url: string,
  { maxBytes = 32 * 1024 * 1024, deadlineMs = 30_000 }: LoadPopularityOptions = {},
): Promise<Popularity> {
  if (!URL.canParse(url)) throw new PopularityError('unsupported-url', 'not a URL');
  const location = new URL(url);
  // User names, passwords and tokens are in the parts of a URL that are not repeated here.
  const shown = `${location.protocol}//${location.host}${location.pathname}`;
  const bytes = await readAll(location, shown, maxBytes, AbortSignal.timeout(deadlineMs));
  return parsePopularity(bytes, shown);
}

function parsePopularity(bytes: Buffer, shown: string): Popularity {
  const document = documentSchema.safeParse(parseJson(bytes));
  if (!document.success) {
    throw new PopularityError('invalid', `not an object of counts by name: ${shown}`, {
      cause: document.error,
    });
  }
  const counts = new Map(Object.entries(document.data));
  const unversioned = new Map<string, number>();
  for (const [name, count] of counts) {
    const key = withoutVersion(name);
    unversioned.set(key, Math.max(count, unversioned.get(key) ?? 0));
  }
  return {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    get: (name) => counts.get(name) ?? unversioned.get(withoutVersion(name)),
  };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** Counts are of another day than the packages: `glibc-2.40-66-bin` is as popular as `glibc-2.39-31-bin` was. */
function withoutVersion(name: string): string {
  return name.replace(/-\d[^-]*(?:-\d[^-]*)*/, '');
}

async function readAll(
  url: URL,
  shown: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of await open(url, shown, signal)) {
      size += chunk.length;
      if (size > maxBytes) {
        throw new PopularityError('too-large', `larger than ${maxBytes} bytes: ${shown}`);
      }
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof PopularityError) throw cause;
    throw new PopularityError('unavailable', `cannot be read: ${shown}`, { cause });
  }
  return Buffer.concat(chunks);
}

async function open(
  url: URL,
  shown: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  switch (url.protocol) {
    case 'file:':
      return createReadStream(url, { signal });
    case 'http:':
    case 'https:': {
      const response = await fetch(url, { signal });
      if (response.ok && response.body !== null) return response.body;
      await response.body?.cancel();
      throw new PopularityError('unavailable', `answered ${response.status}: ${shown}`);
    }
    default:
      throw new PopularityError('unsupported-url', `neither http, https nor file: ${shown}`);
  }
}
