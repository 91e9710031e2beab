/** What is indexed of a package, a text for each column. */
export interface Terms {
  readonly leaf: string;
  readonly names: string;
  readonly path: string;
}

/** Words that a name is made of are words to look for: `bashInteractive` is found by `interactive`, `python3` by `python`. */
export function termsOf(
  path: readonly string[],
  { mainProgram, name }: { readonly name: string; readonly mainProgram: string },
): Terms {
  const leaf = path.at(-1) ?? '';
  return {
    leaf: withParts(leaf),
    names: [...new Set([name, mainProgram])]
      .filter((text) => text !== leaf)
      .map(withParts)
      .join(' '),
    path: path.slice(0, -1).map(withParts).join(' '),
  };
}

function withParts(name: string): string {
  const parts = name.split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])/);
  return parts.length === 1 ? name : `${name} ${parts.join(' ')}`;
}

/** The beginning of a text, in UTF-16 units, without half of a character at its end. */
export function firstOf(text: string, max: number): string {
  return text.slice(0, max).replace(/[\ud800-\udbff]$/, '');
}

// eslint-disable-next-line no-control-regex -- control characters are what this finds
const NO_TEXT = /[\s\u0000-\u001f\u007f-\u009f]+/g;

/** One line of at most `max` UTF-16 units. */
export function oneLine(text: string, max: number): string {
  const line = text.replace(NO_TEXT, ' ').trim();
  return line.length <= max ? line : `${firstOf(line, max - 1)}…`;
}
