/** Whom something is built for. */
export interface Asker {
  /** Whom a build counts for that is begun; undefined where nobody is told apart. */
  readonly client?: string | undefined;
  /** What led to it, by name: of a request, of a trace. For the lines that a log has of a build that is begun. */
  readonly ids?: Readonly<Record<string, string>>;
  /**
   * Told the id of the build that is waited for, whoever began it.
   *
   * @param leave to be called when whoever asked waits no more: the build goes on, and no longer counts them
   */
  onBuild?(id: string, leave: () => void): void;
}
