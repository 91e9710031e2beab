import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { listsDirectory } from './apt.ts';
import { hostArchitecture } from './architecture.ts';
import { hostTargets, readPackagesFiles } from './index-targets.ts';
import { prepareOfflinePackages } from './prepare.ts';
import { build } from './testing/nix.ts';

const log = (): void => undefined;

describe('a package set whose lists name a file that is gone', () => {
  let folder: string;
  let dir: string;
  let environment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offline-expired-'));
    dir = join(folder, 'set');
    environment = await withStaleLists(join(folder, 'lists'), join(folder, 'apt.conf'));
    await prepareOfflinePackages({ dir, log, environment });
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('does not build, and does once it is refreshed', async () => {
    const { system } = hostArchitecture();
    await expect(build(dir, ['hello'], { system })).rejects.toThrow(/hello_0\.0-gone.*404/s);
    expect(await prepareOfflinePackages({ dir, log, environment, refresh: true })).toEqual({
      dir,
      changed: true,
    });
    expect(await build(dir, ['hello'], { system })).toHaveLength(1);
  });
});

/** The host's lists, but as they were when hello was a version that the archive has no more. */
async function withStaleLists(lists: string, configuration: string): Promise<NodeJS.ProcessEnv> {
  const directory = await listsDirectory(env);
  const targets = await hostTargets(env);
  await cp(directory, lists, {
    recursive: true,
    filter: (path) => path === directory || `${path}/` === directory || path.endsWith('Release'),
  });
  const files = await readPackagesFiles(targets, env);
  for (const [index, { file }] of targets.entries()) {
    const name = file.slice(directory.length).replace(/\.(lz4|gz|xz|zst|bz2)$/, '');
    const stanzas = (files[index]?.text ?? '')
      .split('\n\n')
      .map((stanza) =>
        stanza.startsWith('Package: hello\n')
          ? stanza
              .replace(/^Filename: .*/m, 'Filename: pool/main/h/hello/hello_0.0-gone_all.deb')
              .replace(/^SHA256: .*/m, `SHA256: ${'0'.repeat(64)}`)
          : stanza,
      );
    await writeFile(join(lists, name), stanzas.join('\n\n'));
  }
  await writeFile(configuration, `Dir::State::lists "${lists}/";\n`);
  return { ...env, APT_CONFIG: configuration };
}
