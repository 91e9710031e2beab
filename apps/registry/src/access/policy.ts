import { parseImageName } from '@nixery/builder';
import { z } from 'zod';

import { AccessFileError } from './access-file.ts';
import { detoursOf, mayBeDetour } from './detours.ts';
import { type Pattern, parsePattern } from './pattern.ts';

/** Packages that no list has to name, and none can take away: every image holds them. */
const ALWAYS: ReadonlySet<string> = new Set(parseImageName('amd64', 'latest').packages);
/** What `shell` in a list stands for, as in an image name. */
const SHELL = parseImageName('shell', 'latest').packages.filter((name) => !ALWAYS.has(name));

const patternsSchema = z.array(z.string()).transform((texts, context) =>
  texts
    .flatMap((text) => (text === 'shell' ? SHELL : [text]))
    .flatMap((text) => {
      const pattern = parsePattern(text);
      if (pattern !== undefined) return [pattern];
      context.addIssue(
        `${JSON.stringify(text)} is no pattern of attribute names: letters, digits, "-", "_", ".", "*", "**" and "?"`,
      );
      return [];
    }),
);
const listsSchema = z.strictObject({
  allow: patternsSchema.optional(),
  deny: patternsSchema.optional(),
});
type Lists = z.infer<typeof listsSchema>;

const policySchema = z.strictObject({
  everyone: listsSchema.default({}),
  users: z.record(z.string().min(1), listsSchema).default({}),
});

let made = 0;

/** What one user, or everyone without lists of their own, may pull. */
export class Rules {
  /** No two have the same: what was found by these rules does not hold for those of a policy that is read later. */
  readonly id: number = made++;
  /** False where nothing but detours is refused: then no digest has to be looked into. */
  readonly hasLists: boolean;
  readonly #allow: readonly Pattern[] | undefined;
  readonly #deny: readonly Pattern[];
  readonly #sets: ReadonlySet<string>;

  /**
   * @param lists those of everyone and the user's own
   * @param sets names of detours that are open, as nixpkgs spells them
   */
  constructor(lists: readonly Lists[], sets: ReadonlySet<string>) {
    const allowing = lists.flatMap(({ allow }) => allow ?? []);
    this.#allow = lists.some(({ allow }) => allow !== undefined) ? allowing : undefined;
    this.#deny = lists.flatMap(({ deny }) => deny ?? []);
    this.#sets = sets;
    this.hasLists = this.#allow !== undefined || this.#deny.length > 0;
  }

  /** Why an image of these packages is not given, in a sentence that names the first that is refused; undefined if it is. */
  refusal(packages: readonly string[]): string | undefined {
    for (const attribute of packages) {
      // Of every image asked for, this is asked.
      if (!this.hasLists && !mayBeDetour(attribute)) continue;
      if (ALWAYS.has(attribute)) continue;
      const reason = this.#refusalOf(attribute);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  #refusalOf(attribute: string): string | undefined {
    const detours = detoursOf(attribute, { innerPkgs: this.hasLists });
    const closed = detours.find(({ set }) => !this.#sets.has(set));
    if (closed !== undefined) {
      const { set } = closed;
      return `package "${attribute}" is not served: "${set}" leads to other builds of all packages; the registry's operator can allow it with NIXERY_ALLOW_SETS=${set}`;
    }
    if (!this.hasLists) return undefined;
    // What is denied is so by whatever way it is reached.
    const ways = [attribute, ...detours.flatMap(({ rest }) => suffixes(rest))];
    if (ways.some((way) => this.#deny.some((pattern) => pattern.covers(way)))) {
      return `package "${attribute}" is denied by the policy of this registry`;
    }
    if (this.#allow === undefined || this.#allow.some((pattern) => pattern.names(attribute))) {
      return undefined;
    }
    return `package "${attribute}" is not among those that the policy of this registry allows`;
  }
}

/** `a.b.c`, `b.c`, `c`: below a set of sets (`pkgsCross.riscv64.git`) the package's own name may begin anywhere. */
function suffixes(path: string): readonly string[] {
  if (path === '') return [];
  const parts = path.split('.');
  return parts.map((_, index) => parts.slice(index).join('.'));
}

/** Who may pull what. */
export class Policy {
  readonly #everyone: Rules;
  readonly #users: ReadonlyMap<string, Rules>;

  constructor(
    sets: ReadonlySet<string>,
    { everyone, users }: z.infer<typeof policySchema> = { everyone: {}, users: {} },
  ) {
    this.#everyone = new Rules([everyone], sets);
    this.#users = new Map(
      Object.entries(users).map(([user, own]) => [user, new Rules([everyone, own], sets)]),
    );
  }

  /** @param user null for who has not said who they are */
  rulesFor(user: string | null): Rules {
    return (user === null ? undefined : this.#users.get(user)) ?? this.#everyone;
  }
}

/**
 * Reads a policy file; docs/security.md describes it.
 *
 * @param sets names of detours that are open
 * @throws AccessFileError `malformed`, naming every mistake
 */
export function parsePolicy(text: string, sets: ReadonlySet<string>): Policy {
  const parsed = policySchema.safeParse(parseJson(text));
  if (parsed.success) return new Policy(sets, parsed.data);
  const problems = parsed.error.issues.map(({ message, path }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new AccessFileError('malformed', problems.join('; '));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AccessFileError('malformed', 'it is not JSON', { cause });
  }
}
