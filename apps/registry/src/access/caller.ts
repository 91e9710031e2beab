import type { Rules } from './policy.ts';

/** Who makes a request. */
export interface Caller {
  /** Null where nobody has to say who they are. */
  readonly user: string | null;
  /** Whom limits count this one as; undefined where nothing is counted. */
  readonly client: string | undefined;
  /** What they may pull. */
  readonly rules: Rules;
}
