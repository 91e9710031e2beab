import { join } from 'node:path';

import { openStateDir, type StateDir } from '@nixery/builder';
import type { BlobStore, Tuning } from '@nixery/storage';

import { LogLevelFile } from '../log-level.ts';
import { openStore } from '../open-store.ts';
import type { Context } from './context.ts';

/** In the state folder, which is the server's own user's alone. */
const LOG_LEVEL_FILE = 'log-level';

/** Where images are, for all servers. @throws BlobError */
export async function openStorage(
  { config, logger, metrics }: Context,
  tuning: Partial<Tuning> | undefined,
): Promise<BlobStore> {
  const store = await openStore(config.storage, {
    tuning,
    ...(redirectsBlobs(config) && { onWarning: (message: string) => logger.warn(message) }),
  });
  return metrics.measured(store);
}

/** Whether clients are sent to the storage for blobs. */
export function redirectsBlobs({ blobs, storage }: Context['config']): boolean {
  return storage.backend !== 'filesystem' && blobs === 'redirect';
}

/** This server's own folder, and what it says of the log. @throws StateDirInUse, or the system's error of a folder that cannot be used */
export async function openState({
  config,
  fileIntervalMs,
  logger,
  stops,
}: Context): Promise<StateDir> {
  const state = await openStateDir(config.stateDir);
  stops.defer(() => state.release());
  const logLevel = await LogLevelFile.follow({
    file: join(config.stateDir, LOG_LEVEL_FILE),
    logger,
    intervalMs: fileIntervalMs,
  });
  stops.defer(() => logLevel.stop());
  return state;
}
