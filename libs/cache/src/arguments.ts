import { z } from 'zod';
import { CacheError } from './errors.ts';
import { digestSchema, keySchema } from './records.ts';

export const dropTargetSchema = z.union([
  z.strictObject({ key: keySchema }),
  z.strictObject({ digest: digestSchema }),
]);
export const keysSchema = z.array(keySchema);
export const textSchema = z.string().min(1);
export const limitSchema = z.int().min(1).max(1000);

/** Checks what a caller gave. @throws CacheError `invalid` */
export function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CacheError('invalid', `${what}: ${z.prettifyError(parsed.error)}`, {
    cause: parsed.error,
  });
}
