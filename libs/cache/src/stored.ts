import type { z } from 'zod';
import { messageOf } from './database.ts';
import type { Digest } from './records.ts';

export type Stored<R> =
  { readonly ok: true; readonly record: R } | { readonly ok: false; readonly detail: string };

/** Reads back a record that was stored as JSON text. */
export function parseStored<R>(schema: z.ZodType<R>, text: string): Stored<R> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, detail: messageOf(error) };
  }
  const parsed = schema.safeParse(json);
  return parsed.success
    ? { ok: true, record: parsed.data }
    : { ok: false, detail: parsed.error.message };
}

/** The form in which the tables hold a digest: 32 bytes instead of 71. */
export function digestBytes(digest: Digest): Uint8Array {
  return Buffer.from(digest.slice('sha256:'.length), 'hex');
}
