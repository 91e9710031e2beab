import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listSettings } from '@nixery/registry/settings';
import { format, resolveConfig } from 'prettier';
import { LIMITS } from './limits.ts';
import { limitsTable } from './limits-table.ts';
import { fillRegions } from './regions.ts';
import { commonSettings, settingsReference } from './settings.ts';
import { WORKSPACE } from './workspace.ts';

/** Documents that are generated in part: what each of their places holds. */
export const GENERATED: Readonly<Record<string, () => Promise<Readonly<Record<string, string>>>>> =
  {
    'README.md': () => Promise.resolve({ settings: commonSettings(listSettings()) }),
    'docs/configuration.md': () => Promise.resolve({ settings: settingsReference(listSettings()) }),
    'docs/limits.md': async () => {
      const tables = Object.entries(LIMITS).map(
        async ([name, limits]) =>
          [name, await limitsTable(limits, listSettings(), readSource)] as const,
      );
      return Object.fromEntries(await Promise.all(tables));
    },
  };

async function readSource(file: string): Promise<string> {
  return await readFile(join(WORKSPACE, file), 'utf8');
}

/** A document as it should be, laid out by prettier. */
export async function renderDocument(
  file: string,
  contents: Readonly<Record<string, string>>,
): Promise<string> {
  const path = join(WORKSPACE, file);
  const text = fillRegions(await readFile(path, 'utf8'), contents);
  return await format(text, { ...(await resolveConfig(path)), filepath: path });
}
