import { Access } from '../access/access.ts';
import { type Context, fileErrorTo, threadErrorTo } from './context.ts';

/** @throws AccessFileError */
export async function openAccess({
  config,
  fileIntervalMs,
  logger,
  stops,
}: Context): Promise<Access> {
  const access = await Access.open(config.access, {
    onFileError: fileErrorTo(logger),
    onError: threadErrorTo(logger),
    intervalMs: fileIntervalMs,
  });
  stops.defer(() => access.stop());
  return access;
}
