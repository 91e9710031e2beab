import { createServer } from 'node:http';

import { loadPopularity, openStateDir, PopularityError } from '@nixery/builder';
import { BlobError } from '@nixery/storage';

import type { Places } from './config.ts';
import { openStore } from './open-store.ts';

/** How long an unreachable bucket is tried: it was tried for longer before (ms). */
const BUCKET_DEADLINE_MS = 5_000;

/** Why the server cannot start, and what to do about it. */
export interface Problem {
  readonly message: string;
  /** Whether starting again, with nothing changed, may succeed. */
  readonly mayPass: boolean;
}

type CodedError = Error & { readonly code?: unknown };

/** Tries each place that the server needs, and tells all that cannot be used, and how to mend it. */
export async function diagnose(places: Places): Promise<readonly Problem[]> {
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
    problemOf(() => tryPopularity(places), popularityProblem),
  ]);
  return problems.filter((problem) => problem !== undefined);
}

async function problemOf(
  action: () => Promise<void>,
  explain: (error: CodedError) => string,
): Promise<Problem | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { message: explain(error), mayPass: mayPass(error) };
  }
}

function mayPass(error: Error): boolean {
  const isRemote = error instanceof BlobError || error instanceof PopularityError;
  return isRemote && error.code === 'unavailable';
}

async function tryStorage({ storage }: Places): Promise<void> {
  if (storage === undefined) return;
  await openStore(storage, { tuning: { deadlineMs: BUCKET_DEADLINE_MS } });
}

function storageProblem(error: Error): string {
  return error instanceof BlobError ? error.message : `the storage: ${error.message}`;
}

async function tryStateDir({ stateDir }: Places): Promise<void> {
  if (stateDir === undefined) return;
  const state = await openStateDir(stateDir);
  state.release();
}

function stateProblem({ stateDir }: Places, error: CodedError): string {
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

function portProblem({ host, port }: Places, error: CodedError): string {
  const where = `port ${port}${host === undefined ? '' : ` of ${host}`}`;
  return error.code === 'EADDRINUSE'
    ? `${where} is in use: stop what listens there, or set PORT to another one`
    : `cannot listen on ${where} (${String(error.code)}): set PORT and NIXERY_HOST to what this user may use`;
}

async function tryPopularity({ popularityUrl }: Places): Promise<void> {
  if (popularityUrl !== undefined) await loadPopularity(popularityUrl);
}

/** Without the counts, images would be layered in another way, and have other digests. */
function popularityProblem({ message }: Error): string {
  return `NIX_POPULARITY_URL: ${message}: mend it, or start without the variable, which gives images other layers`;
}
