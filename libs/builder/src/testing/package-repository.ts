import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { prepareTestPackages } from './packages.ts';

/** The test packages in a git repository of their own. */
export interface PackageRepository {
  /** Its folder, which is also its address. */
  readonly url: string;
  /** Commits the packages with another salt: those that heed it are new to this machine's Nix store. @returns the commit */
  commit(salt: string): Promise<string>;
  git(...args: readonly string[]): string;
}

/** @param dir is made; the branch is `main` */
export async function createPackageRepository(dir: string): Promise<PackageRepository> {
  function git(...args: readonly string[]): string {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost'];
    const settings = ['-c', 'init.defaultBranch=main', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', ['-C', dir, ...identity, ...settings, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  }
  await mkdir(dir, { recursive: true });
  git('init', '--quiet');
  await prepareTestPackages(dir);
  return {
    url: dir,
    async commit(salt) {
      await writeFile(join(dir, 'salt'), salt);
      git('add', '.');
      git('commit', '--quiet', '--allow-empty', '-m', salt);
      return git('rev-parse', 'HEAD');
    },
    git,
  };
}
