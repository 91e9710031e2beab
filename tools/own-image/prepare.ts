import { cp, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stderr, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';

import { OfflinePackagesError } from '../packages/errors.ts';
import { prepareOfflinePackages } from '../packages/prepare.ts';
import { ReleaseError } from '../release/errors.ts';
import { layOutRelease } from '../release/release.ts';

const nixFiles = fileURLToPath(new URL('nix', import.meta.url));

/**
 * Makes `dir` a package source with one package more than the offline set has: `nixery`, the built server itself.
 *
 * @param dir must not exist
 * @param packages the offline package set; made, or brought up to date
 * @throws ReleaseError, OfflinePackagesError
 */
export async function prepareOwnImage(dir: string, packages: string): Promise<void> {
  await prepareOfflinePackages({ dir: packages, log: (line) => stderr.write(`${line}\n`) });
  await mkdir(dir, { recursive: true });
  await layOutRelease(join(dir, 'release'));
  await cp(nixFiles, dir, { recursive: true });
  await cp(packages, join(dir, 'packages'), { recursive: true });
}

async function main([dir, ...others]: readonly string[]): Promise<number> {
  if (dir === undefined || others.length > 0) {
    stderr.write('Usage: node tools/own-image/prepare.ts DIR\n');
    return 64;
  }
  const shared = fileURLToPath(new URL('../../.nixery/packages', import.meta.url));
  try {
    await prepareOwnImage(resolve(dir), shared);
    stdout.write(`made ${resolve(dir)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ReleaseError || error instanceof OfflinePackagesError)) throw error;
    stderr.write(`${error.message}\n`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
