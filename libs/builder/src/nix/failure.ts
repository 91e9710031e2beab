import type { BuildErrorCode, PackageProblem } from '../errors.ts';
import { META_PACKAGES } from '../image-name.ts';

/** A failure as data: error classes do not survive the way out of a worker. */
export interface TaskFailure {
  readonly ok: false;
  readonly code: BuildErrorCode;
  readonly message: string;
  readonly problems?: readonly PackageProblem[];
  readonly derivation?: string;
  readonly log?: readonly string[];
}

/** What a build that has to do with these packages fails with. */
export function failureOf(problems: readonly PackageProblem[]): TaskFailure {
  // A package that does not exist is the first thing to mend; a refusal needs the operator.
  const refused = problems.every((problem) => problem.kind === 'refused');
  return {
    ok: false,
    code: refused ? 'package-refused' : 'package-not-found',
    message: problems.map(describeProblem).join('; '),
    problems,
  };
}

const ALLOWED_BY = {
  unfree: 'NIXPKGS_ALLOW_UNFREE=1',
  broken: 'NIXPKGS_ALLOW_BROKEN=1',
  insecure: 'NIXPKGS_ALLOW_INSECURE=1',
  'unsupported-system': 'NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM=1',
} as const;

/** One sentence about a problem, for whoever typed the image name. */
function describeProblem(problem: PackageProblem): string {
  const { name } = problem;
  switch (problem.kind) {
    case 'not-found': {
      const missing = `package "${name}" was not found`;
      if (META_PACKAGES.includes(name)) {
        return `${missing}; to ask for what ${name} stands for, put it first: ${name}/…`;
      }
      const closest = problem.suggestions.join(', ');
      return `${missing}${closest === '' ? '' : `; did you mean ${closest}?`}`;
    }
    case 'not-a-package': {
      const inside = problem.suggestions.map((inner) => inner.toLowerCase()).join(', ');
      return problem.type === 'set'
        ? `"${name}" is a set, not a package${inside === '' ? '' : `; name one of its packages, such as ${inside}`}`
        : `"${name}" is not a package but a ${problem.type === 'lambda' ? 'function' : problem.type}`;
    }
    case 'ambiguous':
      return `"${name}" may mean any of ${problem.candidates.join(', ')}, which differ only in case; image names cannot tell them apart`;
    case 'refused': {
      const details = problem.details.length === 0 ? '' : ` (${problem.details.join(', ')})`;
      const what =
        problem.reason === 'unsupported-system' ? 'not available on this platform' : problem.reason;
      return `package "${name}" is ${what}${details}; the registry's operator can allow it with ${ALLOWED_BY[problem.reason]}`;
    }
    case 'throws':
      return `package "${name}" cannot be evaluated: ${problem.message}`;
  }
}
