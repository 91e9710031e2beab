import { Piscina } from 'piscina';

import type { Rules } from '../access/policy.ts';
import type { Answered, Asked, Question } from './answerer.ts';
import {
  EMPTY_STATUS,
  type FoundPackage,
  type IndexStatus,
  type SearchAnswer,
  type SearchState,
} from './found-package.ts';
import type { IndexProgress } from './database.ts';
import { type Index, Indexer, type IndexerOptions, type IndexEvent } from './indexer.ts';
import { parseQuery } from './query.ts';

/** Packages that one answer holds at most, and unless told. */
export const MAX_PACKAGES = 100;
export const DEFAULT_PACKAGES = 20;

/** Matches that are looked through for what lists of packages leave. */
const MAX_SIFTED = 1_000;

/** Questions that wait at most; each takes some milliseconds. */
const MAX_QUEUE = 500;

export interface PackageSearchOptions extends Omit<IndexerOptions, 'onEvent' | 'onIndex'> {
  readonly onEvent: (event: IndexEvent) => void;
  /** Told when the thread that answers fails. */
  readonly onError: (error: Error) => void;
}

export interface SearchOptions {
  /** Packages at most. Default {@link DEFAULT_PACKAGES}, no more than {@link MAX_PACKAGES}. */
  readonly limit?: number;
  /** What whoever asks may pull: nothing else is found. Default: everything. */
  readonly rules?: Pick<Rules, 'hasLists' | 'refusal'>;
}

/** Finds packages of the package set by what they are called and what they are. None of its failures is anybody else's. */
export class PackageSearch {
  readonly #indexer: Indexer;
  readonly #pool: Piscina<Question, Answered>;
  readonly #onError: (error: Error) => void;
  #index: Index | undefined;
  #hasFailed = false;

  constructor({ onError, onEvent, ...options }: PackageSearchOptions) {
    this.#onError = onError;
    this.#indexer = new Indexer({
      ...options,
      onEvent: (event) => {
        this.#hasFailed = event.type === 'failed';
        onEvent(event);
      },
      onIndex: (index) => this.#switchTo(index),
    });
    this.#pool = new Piscina({
      filename: import.meta.resolve('#search-query'),
      minThreads: 1,
      maxThreads: 1,
      maxQueue: MAX_QUEUE,
      atomics: 'disabled',
    });
    this.#pool.on('error', onError);
  }

  /** Begins to index, or goes on with it. */
  start(): void {
    this.#indexer.start();
  }

  /** What a text finds, the best first. Any text will do. */
  async search(
    text: string,
    { limit = DEFAULT_PACKAGES, rules }: SearchOptions = {},
  ): Promise<SearchAnswer> {
    const count = Math.max(0, Math.min(limit, MAX_PACKAGES));
    const query = parseQuery(text);
    const sifted = rules?.hasLists === true ? MAX_SIFTED : count;
    const { packages, ...answer } = await this.#ask({ type: 'search', query, limit: sifted });
    return { ...answer, packages: packages.filter((found) => isFor(found, rules)).slice(0, count) };
  }

  /** What is known of these packages, named as in an image's name: those that are in the index, in any order. */
  async find(
    imageNames: readonly string[],
    { rules }: Pick<SearchOptions, 'rules'> = {},
  ): Promise<SearchAnswer> {
    const { packages, ...answer } = await this.#ask({ type: 'find', imageNames });
    return { ...answer, packages: packages.filter((found) => isFor(found, rules)) };
  }

  async stop(): Promise<void> {
    await this.#indexer.stop();
    await this.#pool.destroy();
  }

  async #ask(question: Asked): Promise<SearchAnswer> {
    const index = this.#index;
    if (index === undefined) return nothing(this.#idleState);
    if (this.#pool.queueSize >= MAX_QUEUE) return nothing('busy');
    try {
      const answered = await this.#pool.run({ asked: question, file: index.file });
      if (answered.outcome === 'answered') {
        const { partial, packages, progress } = answered;
        return { packages, partial, ...statusOf(progress) };
      }
      if (answered.outcome === 'damaged') {
        this.#onError(new Error(`the index of packages is damaged: ${answered.message}`));
        if (this.#index === index) this.#index = undefined;
        this.#indexer.discard(index);
      }
    } catch (error) {
      this.#onError(error instanceof Error ? error : new Error(String(error)));
    }
    return nothing(this.#idleState);
  }

  get #idleState(): IndexStatus['state'] {
    return this.#hasFailed ? 'failed' : 'starting';
  }

  #switchTo(index: Index): void {
    const old = this.#index;
    this.#index = index;
    if (old === undefined) return;
    // Only to have its disk space back; the next question to another index closes it as well.
    this.#pool.run({ asked: { type: 'close' }, file: old.file }).catch(this.#onError);
  }
}

function nothing(state: SearchState): SearchAnswer {
  return { packages: [], partial: false, ...EMPTY_STATUS, state };
}

function isFor({ imageName }: FoundPackage, rules: SearchOptions['rules']): boolean {
  return rules === undefined || rules.refusal([imageName]) === undefined;
}

function statusOf({
  commit_hash,
  done_at,
  examined,
  listed,
  packages,
}: IndexProgress): IndexStatus {
  return {
    state: done_at === null ? 'building' : 'ready',
    revision: commit_hash,
    indexed: packages,
    examined,
    total: listed,
  };
}
