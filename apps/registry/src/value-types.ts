import { z } from 'zod';

import { accepted } from './describe.ts';

/** Kinds of values that several variables take, each saying so in docs/configuration.md. */

export const SECONDS_A_DAY: number = 24 * 60 * 60;

export function integer(min: number, max: number): z.ZodType<number, string> {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
    .register(accepted, { values: `${min} to ${max}` });
}

/** A number of seconds. */
export function seconds(min: number, max: number): z.ZodType<number, string> {
  const days = max / SECONDS_A_DAY;
  const inDays = Number.isInteger(days) ? ` (${days} days)` : '';
  return integer(min, max).register(accepted, { values: `${min} to ${max} seconds${inDays}` });
}

/** A limit that 0 lifts: null. */
export function count(max: number): z.ZodType<number | null, string> {
  const message = `must be a whole number from 0 (no limit) to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value <= max, message)
    .transform((value) => (value === 0 ? null : value))
    .register(accepted, { values: `1 to ${max}, or 0: no limit` });
}

export const flag: z.ZodType<boolean, string> = z
  .enum(['0', '1', 'true', 'false'], 'must be 1, true, 0 or false')
  .transform((text) => text === '1' || text === 'true')
  .register(accepted, { values: '`0` or `1`' });

/** Names of attributes at the top of a package set. */
export const attributeNames: z.ZodType<readonly string[], string> = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_'-]*(?:,[A-Za-z_][A-Za-z0-9_'-]*)*$/,
    'must be names of attributes, separated by commas',
  )
  .transform((text) => text.split(','))
  .register(accepted, { values: 'names, separated by commas' });

export const absolutePath: z.ZodType<string, string> = z
  .string()
  .startsWith('/', 'must be an absolute path')
  .register(accepted, { values: 'an absolute path' });
