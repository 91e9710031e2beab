import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { storeName } from '../layer/store-name.ts';
import type { StorePathInfo } from '../layer/types.ts';
import { run, type RunResult } from '../process/run.ts';
import type { TaskFailure } from './failure.ts';
import { parseDump } from './graph.ts';
import { NixLog, type NixEvent } from './log.ts';

export interface RealiseTask {
  /** What to build: `drvPath` and the output wanted of it. */
  readonly outputs: readonly {
    readonly drvPath: string;
    readonly output: string;
    readonly outPath: string;
  }[];
  /** Whether to build nothing, and take what the store lacks from binary caches. */
  readonly substitutesOnly: boolean;
  /** A folder for garbage-collector roots, which hold the results until the caller removes it. */
  readonly rootsDir: string;
  readonly env: NodeJS.ProcessEnv;
  /** For each derivation (ms); Nix counts in seconds. */
  readonly derivationTimeoutMs: number;
  /** For all of it (ms). */
  readonly deadlineMs: number;
}

export type RealiseResult =
  | {
      readonly ok: true;
      /** Every store path that the outputs need at run time, the outputs included. */
      readonly graph: StorePathInfo[];
    }
  | TaskFailure;

/**
 * Exit codes of `nix-store --realise`: 100, plus 1 when a derivation ran out of time, 2 when a fixed-output derivation had
 * another hash, 4 when a check found a difference.
 * https://nix.dev/manual/nix/latest/command-ref/status-build-failure
 */
const BUILD_FAILED = 100;
const TIMED_OUT = 101;
const HASH_MISMATCH = 102;
const DAEMON_FAILED = 1;
const HASH_MISMATCH_TEXT = /hash mismatch in fixed-output derivation/;
const TIMED_OUT_TEXT = /\.drv\b.* timed out after \d+ seconds/s;
const BUILD_FAILED_TEXT = /(?:builder for|Cannot build) '[^']+\.drv'|\.drv' failed/;

/** Builds derivations, or fetches them from binary caches, and reads the reference graph of what came out. */
export async function realise(
  task: RealiseTask,
  options: { readonly signal?: AbortSignal; readonly onEvent?: (event: NixEvent) => void } = {},
): Promise<RealiseResult> {
  const endsAt = performance.now() + task.deadlineMs;
  const log = new NixLog(options.onEvent);
  await mkdir(task.rootsDir, { recursive: true });

  function nixStore(args: readonly string[]): Promise<RunResult> {
    return run({
      command: 'nix-store',
      args,
      env: task.env,
      deadlineMs: Math.max(1, endsAt - performance.now()),
      signal: options.signal,
      onStderrLine: (line) => log.add(line),
    });
  }
  function failure(result: RunResult): TaskFailure {
    const failed = log.failure();
    const reason = log.errors.join('\n') || 'Nix gave no reason';
    if (result.outcome === 'aborted') {
      return { ok: false, code: 'stopping', message: 'the server is stopping' };
    }
    if (result.outcome === 'deadline') {
      return {
        ok: false,
        code: 'deadline',
        message: 'the image took too long to build',
        ...failed,
      };
    }
    // A client of the daemon (Nix 2.8) ends with 1 whatever has failed there: only its words tell.
    const byDaemon = result.code === DAEMON_FAILED;
    if (result.code === TIMED_OUT || (byDaemon && TIMED_OUT_TEXT.test(reason))) {
      const seconds = Math.ceil(task.derivationTimeoutMs / 1000);
      const message = `a derivation took longer than the ${seconds} s that NIX_TIMEOUT allows`;
      return { ok: false, code: 'timeout', message, ...failed };
    }
    if (result.code === HASH_MISMATCH || (byDaemon && HASH_MISMATCH_TEXT.test(reason))) {
      const message =
        'what was fetched is not what the package set names: a mirror or a proxy serves something else, or the package set is old; pull again in a while';
      // Nix tells the hashes, which whoever looks after the mirror wants to see.
      const hashes = log.errors.find((error) => HASH_MISMATCH_TEXT.test(error)) ?? '';
      return {
        ok: false,
        code: 'hash-mismatch',
        message,
        ...failed,
        log: [...(failed?.log ?? []), ...hashes.split('\n')],
      };
    }
    const built =
      (byDaemon && BUILD_FAILED_TEXT.test(reason)) ||
      (result.code !== null && result.code >= BUILD_FAILED && result.code < 128);
    return { ok: false, code: built ? 'build-failed' : 'internal', message: reason, ...failed };
  }

  /** After a realisation of store paths that has failed. */
  async function missingFailure(realised: RunResult): Promise<TaskFailure> {
    if (realised.outcome !== 'exited') return failure(realised);
    const invalid = await nixStore(['--check-validity', '--print-invalid', ...outPaths]);
    if (invalid.outcome !== 'exited' || invalid.code !== 0) return failure(invalid);
    const missing = linesOf(invalid.stdout).map(storeName);
    if (missing.length === 0) return failure(realised);
    return {
      ok: false,
      code: 'not-substitutable',
      message: `this registry builds nothing itself (NIXERY_BUILD=substitutes-only), and could get from no binary cache: ${missing.join(', ')}`,
    };
  }

  const outPaths = task.outputs.map(({ outPath }) => outPath);
  const built = await nixStore([
    '--realise',
    ...['--log-format', 'internal-json'],
    ...['--timeout', String(Math.ceil(task.derivationTimeoutMs / 1000))],
    ...['--add-root', join(task.rootsDir, 'result'), '--indirect'],
    // A store path can be fetched only, whatever its derivation says about where it likes to be built. The message names
    // all that cannot be had.
    ...(task.substitutesOnly
      ? ['--keep-going', '--max-jobs', '0', ...outPaths]
      : task.outputs.map(({ drvPath, output }) => `${drvPath}!${output}`)),
  ]);
  if (built.outcome !== 'exited' || built.code !== 0) {
    return task.substitutesOnly ? await missingFailure(built) : failure(built);
  }

  const closure = await nixStore(['--query', '--requisites', ...outPaths]);
  if (closure.outcome !== 'exited' || closure.code !== 0) return failure(closure);
  const paths = linesOf(closure.stdout);

  // Without paths, --dump-db prints the whole store.
  if (paths.length === 0) return { ok: true, graph: [] };
  const graph: StorePathInfo[] = [];
  for (const batch of batches(paths)) {
    const dump = await nixStore(['--dump-db', ...batch]);
    if (dump.outcome !== 'exited' || dump.code !== 0) return failure(dump);
    graph.push(...parseDump(dump.stdout));
  }
  return { ok: true, graph };
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Store paths have 255 bytes at most: this keeps a command line well under the kernel's limit. */
const PATHS_PER_CALL = 2_000;

function* batches(paths: readonly string[]): Generator<readonly string[]> {
  for (let i = 0; i < paths.length; i += PATHS_PER_CALL) yield paths.slice(i, i + PATHS_PER_CALL);
}
