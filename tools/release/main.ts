/** Lays out the built server in a folder: `npm run build`, then `node tools/release/main.ts DIR`. */
import { resolve } from 'node:path';
import { stderr, stdout } from 'node:process';

import { ReleaseError } from './errors.ts';
import { layOutRelease } from './release.ts';

async function main([dir, ...others]: readonly string[]): Promise<number> {
  if (dir === undefined || others.length > 0) {
    stderr.write('Usage: node tools/release/main.ts DIR\n');
    return 64;
  }
  try {
    await layOutRelease(resolve(dir));
    stdout.write(`made ${resolve(dir)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    stderr.write(`${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
