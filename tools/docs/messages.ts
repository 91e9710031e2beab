/** Where in the sources a message for people is given: what makes an error of it, and the text. */
const GIVEN = new RegExp(
  [
    String.raw`new HttpError\(\s*\d+,\s*'[A-Z_]+',`,
    String.raw`new BuildError\(\s*'[a-z-]+',`,
    String.raw`(?:invalid|unauthorized|unavailable)\(`,
    String.raw`^\s+(?:unavailable|denied|full|corrupt):`,
    String.raw`(?:const message =|message:)`,
    String.raw`return`,
  ]
    .map((start) => `(?:${start})`)
    .join('|')
    .replace(/^/, '(?:')
    .concat(
      String.raw`)\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|\x60((?:[^\x60\\]|\\.)*)\x60)`,
    ),
  'gm',
);

/**
 * The messages that a source file gives, each as the longest of its parts that no value is put into. Read from the text,
 * where a sentence has at least three words.
 */
export function messagesOf(source: string): readonly string[] {
  return [...source.matchAll(GIVEN)]
    .map(([, single, double, template]) => longestPart(single ?? double ?? template ?? ''))
    .filter((text) => /\S+ \S+ \S+/.test(text));
}

function longestPart(text: string): string {
  return (
    text
      .split(/\$\{[^}]*\}?/)
      // Values stand in quotation marks, which the document leaves out with them.
      .map((part) => part.replaceAll(/^"|"$/g, '').trim())
      .reduce((longest, part) => (part.length > longest.length ? part : longest), '')
  );
}
