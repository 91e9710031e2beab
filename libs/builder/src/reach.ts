import { BuildError } from './errors.ts';
import type { PackageSource, Revision } from './source/index.ts';

/**
 * For finding out what a branch or tag stands for (ms): one question to a server. Less than a request is held, so that who
 * can do with an older image gets it at once. A commit takes a repository's whole history, and has the source's own time.
 */
const RESOLVE_MS = 15_000;

/**
 * What `reference` stands for.
 *
 * @throws BuildError `source-unavailable` also where the source did not answer in time; else as `PackageSource.resolve`
 */
export async function resolveReference(
  source: PackageSource,
  reference: string,
  signal: AbortSignal,
): Promise<Revision> {
  if (!source.isMoving(reference)) {
    return await reaching(() => source.resolve(reference, signal));
  }
  const limit = AbortSignal.timeout(RESOLVE_MS);
  try {
    return await reaching(() => source.resolve(reference, AbortSignal.any([signal, limit])));
  } catch (error) {
    // The source takes any abort for the server's stop.
    if (signal.aborted || !limit.aborted) throw error;
    throw unreachable(error);
  }
}

/**
 * Makes a revision readable.
 *
 * @throws BuildError `source-unavailable` also where the source did not answer in time; else as `PackageSource.provide`
 */
export async function provideRevision(
  source: PackageSource,
  revision: Revision,
  signal: AbortSignal,
): Promise<string> {
  return await reaching(() => source.provide(revision, signal));
}

async function reaching<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof BuildError && error.code === 'deadline') throw unreachable(error);
    throw error;
  }
}

function unreachable(cause: unknown): BuildError {
  const message = 'the package source does not answer in time';
  return new BuildError('source-unavailable', message, { cause });
}
