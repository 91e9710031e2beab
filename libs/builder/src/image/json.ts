import { createHash } from 'node:crypto';
import type { Sha256Digest } from '../layer/types.ts';

/** What JSON can hold, and nothing that it would change on the way. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A JSON document as it is stored and served. */
export interface JsonDocument {
  readonly bytes: Buffer;
  readonly digest: Sha256Digest;
  /** In bytes. */
  readonly size: number;
  readonly mediaType: string;
}

/** The same value gives the same text, in whatever order its keys were set: keys sorted, no white space. */
export function canonicalJson(value: Json): string {
  return JSON.stringify(sortKeys(value));
}

/** A value in canonical JSON, with its digest. */
export function toJsonDocument(value: Json, mediaType: string): JsonDocument {
  const bytes = Buffer.from(canonicalJson(value));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
  return { bytes, digest, size: bytes.length, mediaType };
}

function sortKeys(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (isArray(value)) return value.map(sortKeys);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, item]) => (item === undefined ? [] : [[key, sortKeys(item)]])),
  );
}

/** `Array.isArray` does not narrow to a readonly array. */
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
