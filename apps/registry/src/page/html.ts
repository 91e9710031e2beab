/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A template whose values are escaped, unless they are {@link Html} themselves. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | Html)[]
): Html {
  const parts = strings.map((text, i) => {
    const value = values[i];
    if (value === undefined) return text;
    return text + (value instanceof Html ? value.text : escape(String(value)));
  });
  return new Html(parts.join(''));
}

/** Pieces of a page, one after another. */
export function join(pieces: readonly Html[]): Html {
  return new Html(pieces.map(({ text }) => text).join(''));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
