import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { SourceStore } from '../source/store.ts';

/** A store of package sources in a folder, as in a state folder. */
export function makeStore(dir: string, env: NodeJS.ProcessEnv): SourceStore {
  const downloads = join(dir, 'downloads');
  mkdirSync(downloads, { recursive: true });
  return new SourceStore({ dir: join(dir, 'sources'), downloads, env });
}
