import type { FoundPackage } from './found-package.ts';
import { IndexReader } from './index-reader.ts';
import { type IndexProgress, isDamage } from './database.ts';
import type { Query } from './query.ts';

/** What can be asked of an index. */
export type Asked =
  | { readonly type: 'search'; readonly query: Query; readonly limit: number }
  | { readonly type: 'find'; readonly imageNames: readonly string[] }
  /** Nothing, any more. */
  | { readonly type: 'close' };

export interface Question {
  /** The index. */
  readonly file: string;
  readonly asked: Asked;
}

export type Answered =
  | {
      readonly outcome: 'answered';
      readonly packages: readonly FoundPackage[];
      readonly partial: boolean;
      readonly progress: IndexProgress;
    }
  | { readonly outcome: 'closed' }
  | { readonly outcome: 'damaged'; readonly message: string };

/** Answers questions, and keeps the index open that was asked last. */
export class Answerer {
  #reader: IndexReader | undefined;

  /** @throws SQLite's error of an index that cannot be read just now */
  answer(question: Question): Answered {
    try {
      return this.#answer(question);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#close();
      return { outcome: 'damaged', message: error.message };
    }
  }

  #answer({ asked, file }: Question): Answered {
    if (asked.type === 'close') {
      if (this.#reader?.file === file) this.#close();
      return { outcome: 'closed' };
    }
    const reader = this.#readerOf(file);
    const found =
      asked.type === 'find'
        ? { packages: reader.find(asked.imageNames), partial: false }
        : reader.search(asked.query, asked.limit);
    return { outcome: 'answered', ...found, progress: reader.progress };
  }

  #readerOf(file: string): IndexReader {
    if (this.#reader?.file === file) return this.#reader;
    this.#close();
    this.#reader = new IndexReader(file);
    return this.#reader;
  }

  #close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}
