import { readFile } from 'node:fs/promises';

/** The most severe first. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** How often the file is read (ms). */
const INTERVAL_MS = 2_000;

/** What this takes of a logger. */
interface LevelledLogger {
  level: string;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

interface LogLevelFileOptions {
  /** Holds the name of a level, or is not there. */
  readonly file: string;
  readonly logger: LevelledLogger;
  /** How often the file is read, if not as usual (ms). */
  readonly intervalMs?: number | undefined;
}

/**
 * Has a file say how much is logged for as long as it is there: who may write it may read the log anyway, it needs no port and
 * no tool, and it can be seen which level holds.
 */
export class LogLevelFile {
  readonly #options: LogLevelFileOptions;
  /** The level that holds without the file. */
  readonly #usual: string;
  /** Null while there is no file. */
  #content: string | null = null;
  #isReading = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: LogLevelFileOptions) {
    this.#options = options;
    this.#usual = options.logger.level;
  }

  /** Reads the file, and goes on doing so until `stop`. */
  static async follow(options: LogLevelFileOptions): Promise<LogLevelFile> {
    const followed = new LogLevelFile(options);
    await followed.#look();
    const { intervalMs = INTERVAL_MS } = options;
    followed.#timer = setInterval(() => void followed.#look(), intervalMs).unref();
    return followed;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // A slow read must not be overtaken: it would bring back what was there before.
    if (this.#isReading) return;
    const { file, logger } = this.#options;
    this.#isReading = true;
    const content = await contentOf(file);
    this.#isReading = false;
    // Whoever writes a file where it is empties it first.
    if (content === this.#content || content === '') return;
    this.#content = content;
    const wanted = content === null ? this.#usual : content.toLowerCase();
    const level = LOG_LEVELS.find((known) => known === wanted);
    if (level !== undefined) this.#change(level);
    // One that a caller of ours has made up, such as silence in a test.
    else if (wanted === this.#usual) logger.level = wanted;
    else logger.warn({ file }, `names no log level: it must hold one of ${LOG_LEVELS.join(', ')}`);
  }

  #change(level: LogLevel): void {
    const { file, logger } = this.#options;
    const before = logger.level;
    if (level === before) return;
    // Told at the more talkative of both, or a change to fewer lines would go unseen.
    const isLess = LOG_LEVELS.findIndex((known) => known === before) > LOG_LEVELS.indexOf(level);
    if (!isLess) logger.level = level;
    logger.info({ from: before, to: level, file }, 'log level changed');
    logger.level = level;
  }
}

/** @returns null where there is no such file, or none that can be read */
async function contentOf(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    return null;
  }
}
