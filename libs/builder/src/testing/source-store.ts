import { join } from 'node:path';

import { SourceStore } from '../source/store.ts';

/** A store of package sources in a folder, as in a state folder. */
export function makeStore(dir: string, env: NodeJS.ProcessEnv): SourceStore {
  return new SourceStore({ dir: join(dir, 'sources'), downloads: join(dir, 'downloads'), env });
}
