/** What the server can be told, for whoever describes it: docs/configuration.md and the README come of this. */
import { z } from 'zod';

import { accepted, type Description, descriptions, SETTING_GROUPS } from './describe.ts';
import { environment } from './variables.ts';

export { type Description, SETTING_GROUPS };

export interface Setting extends Description {
  /** Of the environment variable. */
  readonly name: string;
  /** What somebody would set to get what holds anyway; undefined: nothing is set. */
  readonly default: string | undefined;
  /** Markdown: what it takes; undefined: any text. */
  readonly values: string | undefined;
}

/**
 * All settings, in the order of the schema.
 *
 * @throws Error where one is not described, or its default is not what somebody could set
 */
export function listSettings(): readonly Setting[] {
  return Object.entries(environment.shape).map(([name, schema]) => {
    const description = descriptions.get(schema);
    if (description === undefined) {
      throw new Error(`${name} is not described: end its schema with .register(descriptions, …)`);
    }
    return { ...description, name, default: defaultOf(name, schema), values: valuesOf(schema) };
  });
}

function defaultOf(name: string, schema: z.ZodType): string | undefined {
  if (schema instanceof z.ZodOptional) return undefined;
  if (schema instanceof z.ZodPrefault && typeof schema.def.defaultValue === 'string') {
    return schema.def.defaultValue;
  }
  throw new Error(`${name} has no default that somebody could set: use .optional or .prefault`);
}

function valuesOf(schema: z.core.$ZodType): string | undefined {
  const values = accepted.get(schema)?.values;
  if (values !== undefined) return values;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return valuesOf(schema.def.innerType);
  }
  if (schema instanceof z.ZodEnum) {
    return schema.options.map((option) => `\`${option}\``).join(', ');
  }
  return undefined;
}
