import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listSettings } from '@nixery/registry/settings';
import { format, resolveConfig } from 'prettier';
import { fillRegions } from './regions.ts';
import { commonSettings, settingsReference } from './settings.ts';

export const WORKSPACE: string = join(import.meta.dirname, '../..');

/** Documents that are generated in part: what each of their places holds. */
export const GENERATED: Readonly<Record<string, () => Readonly<Record<string, string>>>> = {
  'README.md': () => ({ settings: commonSettings(listSettings()) }),
  'docs/configuration.md': () => ({ settings: settingsReference(listSettings()) }),
};

/** A document as it should be, laid out by prettier. */
export async function renderDocument(
  file: string,
  contents: Readonly<Record<string, string>>,
): Promise<string> {
  const path = join(WORKSPACE, file);
  const text = fillRegions(await readFile(path, 'utf8'), contents);
  return await format(text, { ...(await resolveConfig(path)), filepath: path });
}
