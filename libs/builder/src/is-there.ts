import { access, constants } from 'node:fs/promises';

/**
 * Whether this process can get at something at a path, links followed.
 *
 * @param mode what it has to be able to do with it, such as `constants.X_OK`; nothing unless told
 */
export async function isThere(path: string, mode: number = constants.F_OK): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}

/** Whether there is something at every one of these paths. */
export async function areThere(paths: readonly string[]): Promise<boolean> {
  return (await Promise.all(paths.map((path) => isThere(path)))).every(Boolean);
}
