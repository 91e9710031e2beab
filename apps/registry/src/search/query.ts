import { firstOf } from './terms.ts';

/** Characters of a query that count, and words of it. */
const MAX_LENGTH = 200;
const MAX_WORDS = 8;
const MAX_WORD = 64;

/** What somebody types, taken apart. */
export interface Query {
  /** As it would stand in an image's name, in lower case; '' where it holds what no such name can. */
  readonly attribute: string;
  /** Runs of letters and digits, in lower case; no syntax of any kind. */
  readonly words: readonly string[];
}

/** Takes any text for a query; what is beyond the limits is left out. */
export function parseQuery(text: string): Query {
  const plain = text.slice(0, MAX_LENGTH).normalize('NFC').toLowerCase().trim();
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  const attribute = plain.replace(/^_(?=\d)/, '');
  return {
    attribute: /^[a-z0-9][a-z0-9._-]*$/.test(attribute) ? attribute : '',
    words: [...new Set(words)].slice(0, MAX_WORDS).map((word) => firstOf(word, MAX_WORD)),
  };
}

/**
 * The words as FTS5 is asked for them: all of them, or any, each as the beginning of a word. Between quotes nothing is syntax but a
 * quote, and words hold none.
 * {@link https://www.sqlite.org/fts5.html#full_text_query_syntax}
 */
export function matchExpression(words: readonly string[], operator: 'AND' | 'OR' = 'AND'): string {
  return words.map((word) => `"${word}"*`).join(` ${operator} `);
}

/** What several words may be the name of: of `rip grep`, `rip-grep`, `rip_grep` and `ripgrep`. */
export function namesOf({ attribute, words }: Query): readonly string[] {
  if (attribute !== '') return [attribute];
  return words.length < 2 ? [] : ['-', '_', ''].map((separator) => words.join(separator));
}
