import { z } from 'zod';

/** What belongs together in docs/configuration.md, in its order. */
export const SETTING_GROUPS = {
  server: 'The server',
  packages: 'Where packages come from',
  building: 'How images are built',
  images: 'What images look like',
  storage: 'Where images are stored',
  access: 'Who may do what',
  watching: 'Pages, metrics, logs',
} as const;
export type SettingGroup = keyof typeof SETTING_GROUPS;

/** What docs/configuration.md says of a variable besides its schema. */
export interface Description {
  readonly group: SettingGroup;
  /** Markdown; links are relative to the folder docs. */
  readonly about: string;
  /** Nixery has the same variable, with the same meaning. */
  readonly nixery?: true;
  /** What holds where it is not set, for variables without a default in the schema. */
  readonly unset?: string;
  /** Whether it holds a secret, or names a file that does. */
  readonly secret?: 'value' | 'file';
  /** What the README says of it, in a few words: for what most people need to know. */
  readonly brief?: string;
}

/** Descriptions of variables, by schema. They describe a schema as it is in the end: `.register` comes last. */
export const descriptions: z.core.$ZodRegistry<Description> = z.registry();

/** What values a schema takes, in words, where its kind does not tell. */
export const accepted: z.core.$ZodRegistry<{ readonly values: string }> = z.registry();
