import { z } from 'zod';

import type { System } from '../image-name.ts';
import { evaluationEnvironment } from '../process/environment.ts';
import { run, type RunResult } from '../process/run.ts';
import type { Allowances } from './evaluate.ts';
import { EXPRESSIONS } from './expressions.ts';
import { NixLog } from './log.ts';

export interface ListTask {
  /** The package set: a folder with a `default.nix`, or a Nix file. */
  readonly source: string;
  readonly system: System;
  readonly allow: Allowances;
  /** Attribute paths to tell of; the empty one is the package set itself. */
  readonly paths: readonly (readonly string[])[];
  /** Sets whose packages are told though they do not say `recurseForDerivations`. */
  readonly sets: readonly string[];
  /** The environment that Nix gets a selection of. */
  readonly env: NodeJS.ProcessEnv;
  /** For all of it (ms). */
  readonly deadlineMs: number;
  /** Nix is ended when it wants more memory for values than this (bytes). */
  readonly maxHeap: number;
  /** Nix is ended when it prints more than this (bytes). */
  readonly maxOutput: number;
}

// The answer of nix/list.nix.
const entry = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('package'),
    name: z.string(),
    version: z.string(),
    description: z.string(),
    licences: z.array(z.string()),
    mainProgram: z.string(),
    reason: z.enum(['unfree', 'broken', 'insecure', 'unsupported-system']).nullable(),
  }),
  z.object({ status: z.literal('set'), names: z.array(z.string()) }),
  z.object({ status: z.literal('other') }),
  z.object({ status: z.literal('throws') }),
]);

/** What an attribute of a package set is. Texts a package does not have are ''. */
export type ListedAttribute = z.infer<typeof entry>;

export type ListResult =
  | { readonly ok: true; readonly entries: readonly ListedAttribute[] }
  /** `aborted`: by the signal. `failed`: Nix gave up, or went beyond a bound; with fewer paths it may not. */
  | { readonly ok: false; readonly reason: 'aborted' | 'failed'; readonly message: string };

const EXPRESSION =
  '{ request }: import <nixery-expressions/list.nix> { source = <nixery-packages>; request = builtins.fromJSON request; }';

/** Niceness of what nobody waits for. */
const NICENESS = '19';
const MAX_MESSAGE = 1_000;

/**
 * Asks Nix what attributes of a package set are, in the order of `paths`. As restricted as an evaluation for a build, with
 * the lowest priority, within bounds of time and memory; builds nothing and writes nothing into the Nix store.
 *
 * @throws the system's error when Nix cannot be started
 */
export async function listAttributes(task: ListTask, signal?: AbortSignal): Promise<ListResult> {
  const { allow, env, paths, sets, source, system } = task;
  const log = new NixLog();
  const result = await run({
    command: 'nice',
    args: [
      ...['-n', NICENESS, 'nix-instantiate'],
      '--eval',
      '--strict',
      '--json',
      ...['--log-format', 'internal-json'],
      ...['--option', 'restrict-eval', 'true'],
      ...['--option', 'allow-import-from-derivation', 'false'],
      ...['-I', `nixery-packages=${source}`],
      ...['-I', `nixery-expressions=${EXPRESSIONS}`],
      ...['--expr', EXPRESSION],
      ...['--argstr', 'request', JSON.stringify({ system, allow, paths, sets })],
    ],
    // https://github.com/ivmai/bdwgc/blob/master/docs/README.environment
    env: { ...evaluationEnvironment(env), GC_MAXIMUM_HEAP_SIZE: String(task.maxHeap) },
    deadlineMs: task.deadlineMs,
    maxOutput: task.maxOutput,
    signal,
    onStderrLine: (line) => log.add(line),
  });
  if (result.outcome === 'aborted')
    return { ok: false, reason: 'aborted', message: 'it was ended' };
  if (result.outcome !== 'exited' || result.code !== 0) {
    return { ok: false, reason: 'failed', message: messageOf(result, log) };
  }
  const entries = z.array(entry).length(paths.length).safeParse(parseJson(result.stdout));
  if (entries.success) return { ok: true, entries: entries.data };
  return { ok: false, reason: 'failed', message: 'Nix answered in a form that is not understood' };
}

function messageOf({ outcome }: RunResult, log: NixLog): string {
  if (outcome === 'deadline') return 'it took too long';
  if (outcome === 'too-much-output') return 'it has too much to say';
  return log.errors.join('\n').slice(0, MAX_MESSAGE) || 'Nix gave no reason';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
