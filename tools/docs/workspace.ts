import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';

export const WORKSPACE: string = join(import.meta.dirname, '../..');

/** Folders with documents of others, or none. */
const LEFT_OUT = new Set(['node_modules', 'dist', '.nixery', '.git', 'test-results', 'coverage']);

/** All documents of the workspace by their path in it. */
export async function readDocuments(): Promise<ReadonlyMap<string, string>> {
  const files = globSync('**/*.md', {
    cwd: WORKSPACE,
    exclude: (path) => LEFT_OUT.has(basename(path)),
  });
  const texts = files.toSorted().map(async (file) => {
    return [file, await readFile(join(WORKSPACE, file), 'utf8')] as const;
  });
  return new Map(await Promise.all(texts));
}

const manifest = z.object({
  name: z.string(),
  scripts: z.record(z.string(), z.string()).default({}),
  nx: z.object({ targets: z.record(z.string(), z.unknown()).default({}) }).optional(),
});

async function readManifest(folder: string): Promise<z.infer<typeof manifest>> {
  return manifest.parse(
    JSON.parse(await readFile(join(WORKSPACE, folder, 'package.json'), 'utf8')),
  );
}

/** npm's scripts of the workspace. */
export async function readScripts(): Promise<ReadonlySet<string>> {
  return new Set(Object.keys((await readManifest('.')).scripts));
}

/** Nx' targets as `project:target`, projects by their short names. */
export async function readTargets(): Promise<ReadonlySet<string>> {
  const folders = globSync(['apps/*', 'libs/*', 'tools'], { cwd: WORKSPACE });
  const projects = folders
    .filter((folder) => existsSync(join(WORKSPACE, folder, 'package.json')))
    .map(async (folder) => {
      const { name, nx } = await readManifest(folder);
      return Object.keys(nx?.targets ?? {}).map((target) => `${basename(name)}:${target}`);
    });
  return new Set((await Promise.all(projects)).flat());
}
