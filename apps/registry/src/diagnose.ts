import { createServer } from 'node:http';

import { openStateDir } from '@nixery/builder';
import { BlobError, createFilesystemStore } from '@nixery/storage';

import type { Places } from './config.ts';

/** Tries each place that the server needs, and tells all that cannot be used, and how to mend it. */
export async function diagnose(places: Places): Promise<readonly string[]> {
  const problems = await Promise.all([
    problemOf(() => tryStorage(places), storageProblem),
    problemOf(
      () => tryStateDir(places),
      (error) => stateProblem(places, error),
    ),
    problemOf(
      () => tryPort(places),
      (error) => portProblem(places, error),
    ),
  ]);
  return problems.filter((problem) => problem !== undefined);
}

async function problemOf(
  action: () => Promise<void>,
  explain: (error: Error & { readonly code?: unknown }) => string,
): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (error instanceof Error) return explain(error);
    throw error;
  }
}

async function tryStorage({ storagePath }: Places): Promise<void> {
  if (storagePath !== undefined) await createFilesystemStore({ root: storagePath });
}

function storageProblem(error: Error): string {
  return error instanceof BlobError ? error.message : `the storage path: ${error.message}`;
}

async function tryStateDir({ stateDir }: Places): Promise<void> {
  if (stateDir === undefined) return;
  const state = await openStateDir(stateDir);
  state.release();
}

function stateProblem({ stateDir }: Places, error: Error & { readonly code?: unknown }): string {
  const advice = 'make it writable, or set NIXERY_STATE_DIR to another one';
  // What is no error of the file system says itself what it is: the folder is in use.
  if (!('syscall' in error)) return `${error.message}: set NIXERY_STATE_DIR to another one`;
  return `the state folder ${stateDir} cannot be written (${String(error.code)}): ${advice}`;
}

async function tryPort({ host, port }: Places): Promise<void> {
  if (port === undefined) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

function portProblem({ host, port }: Places, error: Error & { readonly code?: unknown }): string {
  const where = `port ${port}${host === undefined ? '' : ` of ${host}`}`;
  return error.code === 'EADDRINUSE'
    ? `${where} is in use: stop what listens there, or set PORT to another one`
    : `cannot listen on ${where} (${String(error.code)}): set PORT and NIXERY_HOST to what this user may use`;
}
