import { z } from 'zod';

import type { PackageProblem } from '../errors.ts';
import { META_PACKAGES, type System } from '../image-name.ts';
import { run } from '../process/run.ts';
import { suggest } from '../suggest.ts';
import { EXPRESSIONS } from './expressions.ts';
import { NixLog } from './log.ts';
import { failureOf, type TaskFailure } from './failure.ts';
import { nixProblem } from './probe.ts';

/** Packages that a set marks as not to be built, and that the operator allows all the same. */
export interface Allowances {
  readonly unfree: boolean;
  readonly broken: boolean;
  readonly insecure: boolean;
  readonly unsupportedSystem: boolean;
}

export interface EvaluateTask {
  /** The package set: a folder with a `default.nix`, or a Nix file. */
  readonly source: string;
  readonly system: System;
  readonly names: readonly string[];
  readonly allow: Allowances;
  /** Whether evaluation may build derivations and read what they made. */
  readonly importFromDerivation: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** For the whole evaluation (ms). */
  readonly deadlineMs: number;
}

/** A package that was found, as far as it is needed to build and describe it. */
export interface Package {
  /** The name in the image name. */
  readonly requested: string;
  /** The attribute path that it stands for. */
  readonly attribute: readonly string[];
  readonly name: string;
  readonly version: string;
  readonly drvPath: string;
  readonly output: string;
  readonly outPath: string;
  readonly licences: readonly string[];
  readonly mainProgram: string | null;
}

export type EvaluateResult = { readonly ok: true; readonly packages: Package[] } | TaskFailure;

// The answer of nix/evaluate.nix.
const attributePath = z.array(z.string());
const answer = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('ok'),
    attribute: attributePath,
    name: z.string(),
    version: z.string(),
    drvPath: z.string().startsWith('/'),
    storePath: z.string().startsWith('/'),
    output: z.string(),
    licences: z.array(z.string()),
    mainProgram: z.string().nullable(),
  }),
  z.object({ status: z.literal('not-found'), path: attributePath, names: z.array(z.string()) }),
  z.object({
    status: z.literal('not-a-package'),
    type: z.string(),
    path: attributePath,
    names: z.array(z.string()),
  }),
  z.object({ status: z.literal('ambiguous'), path: attributePath, names: z.array(z.string()) }),
  z.object({
    status: z.literal('refused'),
    reason: z.enum(['unfree', 'broken', 'insecure', 'unsupported-system']),
    details: z.array(z.string()),
  }),
  z.object({ status: z.literal('throws') }),
]);
type Answer = z.infer<typeof answer>;

const EXPRESSION =
  '{ request }: import <nixery-expressions/evaluate.nix> { source = <nixery-packages>; request = builtins.fromJSON request; }';

/** What nixpkgs' sets hold besides packages (nixpkgs: lib/customisation.nix, `makeScope`, and `recurseIntoAttrs`). */
const NOT_PACKAGES: ReadonlySet<string> = new Set([
  'callPackage',
  'newScope',
  'override',
  'overrideDerivation',
  'overrideScope',
  'packages',
  'recurseForDerivations',
]);

/** Characters of a thrown text that are shown. */
const MAX_MESSAGE = 1_000;

/**
 * Asks Nix for the derivations of packages. One evaluation answers for all names; a package whose expression throws
 * costs a second one, for the text. Nix may read nothing but the package set, reach no network, and sees no credentials.
 */
export async function evaluate(task: EvaluateTask, signal?: AbortSignal): Promise<EvaluateResult> {
  const evaluation = new Evaluation(task, signal);
  const whole = await evaluation.ask(task.names, false);
  if ('answers' in whole) return await evaluation.conclude(whole.answers);
  if (whole.failure.code !== 'evaluation-failed') return whole.failure;
  const problem = await nixProblem(task.env);
  // A daemon that is down, or a store out of reach, says nothing of the packages.
  if (problem !== null) return { ok: false, code: 'internal', message: problem };

  // Something that tryEval cannot catch (abort, a type error, endless recursion) took all answers down. Is it the set itself?
  const none = await evaluation.ask([], false);
  if ('failure' in none) return none.failure;
  const answers: Answer[] = [];
  for (const name of task.names) {
    const single = await evaluation.ask([name], false);
    if ('answers' in single) answers.push(...single.answers);
    else if (single.failure.code === 'evaluation-failed') answers.push({ status: 'throws' });
    else return single.failure;
  }
  return await evaluation.conclude(answers);
}

type Asked = { readonly answers: readonly Answer[] } | { readonly failure: TaskFailure };

class Evaluation {
  readonly #task: EvaluateTask;
  readonly #signal: AbortSignal | undefined;
  readonly #endsAt: number;

  constructor(task: EvaluateTask, signal: AbortSignal | undefined) {
    this.#task = task;
    this.#signal = signal;
    this.#endsAt = performance.now() + task.deadlineMs;
  }

  /** Runs one evaluation; `strict` lets a package's own failure through. */
  async ask(names: readonly string[], strict: boolean): Promise<Asked> {
    const { source, system, allow, importFromDerivation, env } = this.#task;
    const log = new NixLog();
    const result = await run({
      command: 'nix-instantiate',
      args: [
        '--eval',
        '--strict',
        '--json',
        '--read-write-mode',
        ...['--log-format', 'internal-json'],
        ...['--option', 'restrict-eval', 'true'],
        ...['--option', 'allow-import-from-derivation', String(importFromDerivation)],
        ...['-I', `nixery-packages=${source}`],
        ...['-I', `nixery-expressions=${EXPRESSIONS}`],
        ...['--expr', EXPRESSION],
        ...['--argstr', 'request', JSON.stringify({ system, allow, names, strict })],
      ],
      env,
      deadlineMs: Math.max(1, this.#endsAt - performance.now()),
      signal: this.#signal,
      onStderrLine: (line) => log.add(line),
      whenOrphaned: importFromDerivation ? 'SIGTERM' : 'SIGKILL',
    });
    switch (result.outcome) {
      case 'aborted':
        return { failure: { ok: false, code: 'stopping', message: 'the server is stopping' } };
      case 'deadline':
        return {
          failure: {
            ok: false,
            code: 'deadline',
            message: `evaluating the package set took longer than ${Math.round(this.#task.deadlineMs / 1000)} s`,
          },
        };
      case 'too-much-output':
      case 'exited':
        break;
    }
    if (result.code !== 0) {
      const text = log.errors.join('\n').slice(0, MAX_MESSAGE) || 'Nix gave no reason';
      return { failure: { ok: false, code: 'evaluation-failed', message: text } };
    }
    const answers = z.array(answer).safeParse(JSON.parse(result.stdout));
    if (!answers.success || answers.data.length !== names.length) {
      const message = 'Nix answered in a form that is not understood';
      return { failure: { ok: false, code: 'internal', message } };
    }
    return { answers: answers.data };
  }

  async conclude(answers: readonly Answer[]): Promise<EvaluateResult> {
    const packages: Package[] = [];
    const problems: PackageProblem[] = [];
    for (const [i, requested] of this.#task.names.entries()) {
      const found = answers[i];
      if (found === undefined) continue;
      if (found.status === 'ok') {
        const { status: _, storePath, ...facts } = found;
        packages.push({ requested, outPath: storePath, ...facts });
      } else {
        problems.push(await this.#problem(requested, found));
      }
    }
    return problems.length === 0 ? { ok: true, packages } : failureOf(problems);
  }

  async #problem(name: string, found: Exclude<Answer, { status: 'ok' }>): Promise<PackageProblem> {
    switch (found.status) {
      case 'not-found':
        return {
          kind: 'not-found',
          name,
          suggestions: suggest(
            name.split('.')[found.path.length] ?? name,
            found.path.length > 0 ? found.names : [...found.names, ...leadingWords(name)],
          ).map((last) => [...found.path, last].join('.')),
        };
      case 'not-a-package':
        return {
          kind: 'not-a-package',
          name,
          type: found.type,
          suggestions: found.names
            .filter((last) => !NOT_PACKAGES.has(last))
            .slice(0, 5)
            .map((last) => [...found.path, last].join('.')),
        };
      case 'ambiguous':
        return {
          kind: 'ambiguous',
          name,
          candidates: found.names.map((last) => [...found.path, last].join('.')),
        };
      case 'refused':
        return { kind: 'refused', name, reason: found.reason, details: found.details };
      case 'throws': {
        const again = await this.ask([name], true);
        const message = 'failure' in again ? again.failure.message : 'its evaluation failed';
        return { kind: 'throws', name, message };
      }
    }
  }
}

/** Those in front of packages, which are mistyped as well. They are packages to who has them elsewhere: no help. */
function leadingWords(wanted: string): readonly string[] {
  return META_PACKAGES.filter((word) => word !== wanted);
}
