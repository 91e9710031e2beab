import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Architecture } from './architecture.ts';
import type { Archives } from './archives.ts';
import { bootstrapDebs, catalogue, ignoredDepends, interpreters, locale } from './catalogue.ts';
import type { Archive } from './control.ts';
import { downloadDeb, extract, sha256Of } from './deb.ts';
import { OfflinePackagesError } from './errors.ts';
import { debFile, makeIndex } from './set-index.ts';
import type { DebFile } from './set-index.ts';

const nixFiles = fileURLToPath(new URL('nix', import.meta.url));

/** What {@link writeGeneration} is told. */
export interface GenerationOptions {
  /** An empty directory. */
  readonly directory: string;
  readonly state: string;
  readonly host: Architecture;
  readonly archives: Archives;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

/** Writes all that Nix needs to evaluate the package set. */
export async function writeGeneration({
  directory,
  state,
  host,
  archives,
  environment,
  log,
}: GenerationOptions): Promise<void> {
  await cp(nixFiles, directory, { recursive: true });
  const hostArchive = archives.get(host);
  if (hostArchive === undefined) {
    throw new OfflinePackagesError(
      'lists-missing',
      `apt has no lists for ${host.debian}. Run \`apt-get update\` as root.`,
    );
  }
  for (const [architecture, archive] of archives) {
    const { index, missing } = makeIndex(archive, {
      architecture,
      catalogue,
      interpreters,
      ignoredDepends,
      locale: locale(architecture),
    });
    if (missing.length > 0)
      log(`This Debian has no ${architecture.debian} packages for: ${missing.join(', ')}.`);
    await writeFile(
      join(directory, `${architecture.system}.json`),
      JSON.stringify(index, undefined, 1),
    );
  }
  const bootstrap = {
    system: host.system,
    targets: [...archives.keys()].map(({ system }) => system),
    loader: host.loader,
    triplet: host.triplet,
    debs: bootstrapDebs.tools.map((name) => bootstrapDeb(hostArchive, name)),
  };
  await writeFile(join(directory, 'bootstrap.json'), JSON.stringify(bootstrap, undefined, 1));

  const shell = bootstrapDeb(hostArchive, bootstrapDebs.shell);
  const deb = join(state, `${shell.sha256}.deb`);
  if ((await sha256Of(deb)) !== shell.sha256) await downloadDeb(shell, deb, environment);
  // Nix names the builder after its file, and busybox does what it is named after.
  const busybox = join(directory, 'busybox', 'sh');
  await mkdir(join(directory, 'busybox'));
  // Debian 13 moved it to /usr.
  await extract(deb, ['bin/busybox', 'usr/bin/busybox'], busybox, state);
  await chmod(busybox, 0o755);
}

function bootstrapDeb(archive: Archive, name: string): DebFile {
  const found = archive.find(name);
  if (found === undefined)
    throw new OfflinePackagesError('package-missing', `This Debian has no package ${name}.`);
  return debFile(found);
}

/**
 * Makes a written generation the current one. Generations are named by their content and stand beside each other below
 * `dir`; replacing the one-line `default.nix` switches. The one before stays, for evaluations that have begun.
 */
export async function publish(generation: string, dir: string): Promise<void> {
  const name = await contentName(generation);
  await mkdir(dir, { recursive: true });
  await chmod(generation, 0o755);
  await rename(generation, join(dir, name)).catch((error: unknown) => {
    // Another preparation was quicker, with the same content.
    if (!existsSync(join(dir, name))) throw error;
  });
  const entry = join(dir, 'default.nix');
  const previous = /\.\/(\w+)/.exec(await readFile(entry, 'utf8').catch(() => ''))?.[1];
  const temporary = join(dir, `default.nix.${randomUUID()}`);
  await writeFile(temporary, `import ./${name}\n`);
  await rename(temporary, entry);
  for (const other of await readdir(dir)) {
    const generationName = /^g[0-9a-f]{16}$/.test(other);
    if (generationName && other !== name && other !== previous)
      await rm(join(dir, other), { recursive: true, force: true });
  }
}

async function contentName(directory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(directory, { recursive: true })).sort()) {
    const file = join(directory, name);
    const found = await stat(file);
    if (found.isFile()) hash.update(`${name} ${found.size}\n`).update(await readFile(file));
  }
  return `g${hash.digest('hex').slice(0, 16)}`;
}
