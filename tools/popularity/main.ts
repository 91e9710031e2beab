/** Prints how popular store paths are, by name. After `npm run build`; README.md beside this file says how. */
import { env, stderr, stdout } from 'node:process';
import { readBinaryCache } from './binary-cache.ts';
import { countReferences } from './count.ts';
import { CountError } from './errors.ts';
import { readStore } from './store.ts';

const USAGE = 'Usage: node tools/popularity/main.ts store [PATH…] | cache URL PATH…\n';

async function main([source, ...args]: readonly string[]): Promise<number> {
  const [url, ...roots] = args;
  const complete = source === 'store' || (source === 'cache' && roots.length > 0);
  if (!complete || (source === 'cache' && !URL.canParse(url ?? ''))) {
    stderr.write(USAGE);
    return 64;
  }
  try {
    const graph =
      source === 'store' ? await readStore(args, env) : await readBinaryCache(url ?? '', roots);
    stdout.write(`${JSON.stringify(Object.fromEntries(countReferences(graph)))}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof CountError)) throw error;
    stderr.write(`${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
