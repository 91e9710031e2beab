/** One `name=value` of the header, and what comes after it. */
const PAIR =
  /\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=("(?:[^"\\]|\\.)*"|[!#$%&'*+\-.^_`|~0-9A-Za-z]*)\s*([;,]|$)/y;

/**
 * The `for` of each element of a Forwarded header, '' for an element without, in order.
 * {@link https://www.rfc-editor.org/rfc/rfc7239#section-4}
 *
 * @returns nothing for a header that breaks the grammar: an unclosed quote could take in what a proxy has added
 */
export function forwardedFor(header: string): readonly string[] {
  const found: string[] = [];
  let element = '';
  for (PAIR.lastIndex = 0; PAIR.lastIndex < header.length;) {
    const pair = PAIR.exec(header);
    if (pair === null) return [];
    const [, name = '', value = '', separator = ''] = pair;
    if (name.toLowerCase() === 'for') element = unquoted(value);
    if (separator !== ';') {
      found.push(element);
      element = '';
    }
  }
  return found;
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
}
