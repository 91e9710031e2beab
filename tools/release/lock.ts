import { z } from 'zod';

const versions = z.record(z.string(), z.string()).default({});

/** What is read of one entry. npm's documentation: package-lock.json, `packages`. */
const entry = z.object({
  /** A workspace: `resolved` is its folder. */
  link: z.boolean().default(false),
  resolved: z.string().optional(),
  /** May be missing from an installation, being for other machines. */
  optional: z.boolean().default(false),
  dependencies: versions,
  optionalDependencies: versions,
  peerDependencies: versions,
});

const lockFile = z.object({ packages: z.record(z.string(), entry) });

/** `packages` of a package-lock.json: what is installed in which folder. */
export type Lock = z.infer<typeof lockFile>['packages'];

/** @throws SyntaxError, ZodError for what is no package-lock.json of npm 7 or later */
export function parseLock(text: string): Lock {
  return lockFile.parse(JSON.parse(text)).packages;
}

/**
 * Every folder that a workspace's project needs to run, itself included, relative to the workspace and sorted. Of what is
 * optional, or a peer, that which the lock has.
 */
export function neededFolders(lock: Lock, project: string): readonly string[] {
  const needed = new Set([project]);
  // Grows while it is walked.
  for (const folder of needed) {
    const { dependencies, optionalDependencies, peerDependencies } =
      lock[folder] ?? entry.parse({});
    const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
    for (const name of names) {
      const found = resolve(lock, folder, name);
      if (found !== undefined) needed.add(found);
    }
  }
  return [...needed].sort();
}

/** Where Node finds a package: in the nearest `node_modules` above. https://nodejs.org/api/modules.html#loading-from-node_modules-folders */
function resolve(lock: Lock, from: string, name: string): string | undefined {
  const parts = from.split('/');
  for (let length = parts.length; length >= 0; length -= 1) {
    const folder = [...parts.slice(0, length), 'node_modules', name].join('/');
    const found = lock[folder];
    if (found !== undefined) return found.link ? found.resolved : folder;
  }
  return undefined;
}
