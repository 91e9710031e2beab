import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { AccessFileError, type AccessFileKind } from './access-file.ts';

/** How often files are looked at (ms). Watching would miss what mounted secrets do: they are swapped by way of links. */
const INTERVAL_MS = 2_000;

export interface WatchedFilesOptions<T> {
  readonly kind: AccessFileKind;
  /** Read together: one value comes of all of them. */
  readonly files: readonly string[];
  /** Throws AccessFileError for what cannot be used. */
  readonly parse: (contents: readonly string[]) => T;
  /** Told of a value that takes the place of another. */
  readonly onChange?: (value: T) => void;
  /** Told why a change is not followed; once for each. */
  readonly onError: (error: AccessFileError) => void;
  /** ms */
  readonly intervalMs?: number | undefined;
}

/** What files say, kept up to date. Where they change to what cannot be used, what they said before holds. */
export class WatchedFiles<T> {
  readonly #options: WatchedFilesOptions<T>;
  readonly #stopped = new AbortController();
  #value: T;
  #state: string;
  /** A state seen once, to be believed when it is seen again. */
  #settling: string | undefined;

  private constructor(options: WatchedFilesOptions<T>, state: string, value: T) {
    this.#options = options;
    this.#state = state;
    this.#value = value;
  }

  /** @throws AccessFileError of files that cannot be used now */
  static async open<T>(options: WatchedFilesOptions<T>): Promise<WatchedFiles<T>> {
    // Before reading: a change in between is then seen as one.
    const state = await stateOf(options);
    const watched = new WatchedFiles(options, state, await load(options));
    void watched.#watch();
    return watched;
  }

  get value(): T {
    return this.#value;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopped;
    const { intervalMs = INTERVAL_MS } = this.#options;
    while (await passed(intervalMs, signal)) await this.#look();
  }

  async #look(): Promise<void> {
    const { onChange, onError } = this.#options;
    try {
      const state = await stateOf(this.#options);
      if (state === this.#state) return;
      // Whoever writes a file where it is may be half-way.
      if (state !== this.#settling) {
        this.#settling = state;
        return;
      }
      this.#state = state;
      this.#value = await load(this.#options);
      if (!this.#stopped.signal.aborted) onChange?.(this.#value);
    } catch (error) {
      if (!(error instanceof AccessFileError)) throw error;
      // The same files missing for long are one change.
      if (error.code === 'unreadable' && this.#state === error.message) return;
      if (error.code === 'unreadable') this.#state = error.message;
      onError(error);
    }
  }
}

async function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { ref: false, signal });
    return true;
  } catch {
    return false;
  }
}

async function load<T>({ files, kind, parse }: WatchedFilesOptions<T>): Promise<T> {
  const contents = await Promise.all(
    files.map((file) => reading(kind, file, (f) => readFile(f, 'utf8'))),
  );
  try {
    return parse(contents);
  } catch (error) {
    if (!(error instanceof AccessFileError)) throw error;
    const message = `the ${kind} file ${files.join(' or ')}: ${error.message}`;
    throw new AccessFileError(error.code, message, { cause: error.cause });
  }
}

/** Something that differs once any of the files is another. */
async function stateOf<T>({ files, kind }: WatchedFilesOptions<T>): Promise<string> {
  const states = await Promise.all(
    files.map((file) => reading(kind, file, (f) => stat(f, { bigint: true }))),
  );
  return states
    .map(({ ctimeNs, ino, mtimeNs, size }) => [ino, size, mtimeNs, ctimeNs].join(' '))
    .join('\n');
}

async function reading<T>(
  kind: AccessFileKind,
  file: string,
  action: (file: string) => Promise<T>,
): Promise<T> {
  try {
    return await action(file);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    const message = `the ${kind} file ${file} cannot be read (${code})`;
    throw new AccessFileError('unreadable', message, { cause });
  }
}
