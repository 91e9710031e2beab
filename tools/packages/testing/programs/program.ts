/** A program doing something real in an image of `packages`, as root and as an ordinary user. */
export interface Program {
  /** A sentence. */
  readonly title: string;
  readonly packages: readonly string[];
  readonly argv: readonly string[];
  readonly stdin?: string;
  readonly stdout: RegExp;
}

/** What rows that are scripts need. */
export const shell = ['bashInteractive', 'coreutils'] as const;

/** A command that runs `text` in a new, empty folder of the user's. */
export function script(text: string): readonly string[] {
  return ['bash', '-euc', `cd "$(mktemp -d)"\n${text}`];
}
