import { type DestinationStream, pino } from 'pino';

/** How long a line waits for others to be written with (ms); a process that is killed loses as much of its log. */
const WAIT_MS = 5;
/** Characters that are not kept waiting any longer. */
const FULL = 8 * 1024;

/** Writes lines in their order, those of a few milliseconds at a time: on its own, each costs a system call in another thread. */
export class LogOutput implements DestinationStream {
  readonly #output: ReturnType<typeof pino.destination>;
  #waiting = '';
  #timer: NodeJS.Timeout | undefined;

  /** @param fd where to; what waits when the process exits is written then */
  constructor(fd: number) {
    this.#output = pino.destination({ fd, sync: false, minLength: 0 });
    process.once('exit', () => this.flushSync());
  }

  write(line: string): void {
    this.#waiting += line;
    if (this.#waiting.length >= FULL) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), WAIT_MS);
  }

  /** Lets nothing wait any longer. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#waiting;
    this.#waiting = '';
    if (lines !== '') this.#output.write(lines);
  }

  /** For pino, after a line that may be the last. */
  flushSync(): void {
    this.flush();
    this.#output.flushSync();
  }
}
