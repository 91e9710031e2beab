import { type Html, html, join } from './html.ts';

/** A name or command that is too long for its line breaks behind its slashes, rather than within words or options. */
export function breakable(text: string): Html {
  const words = text.split(' ').map(word);
  return join(words.map((part, index) => (index === 0 ? part : html` ${part}`)));
}

function word(text: string): Html {
  if (text.startsWith('-')) return html`<span class="whole">${text}</span>`;
  const parts = text.split(/(?<=[/@])/);
  return join(parts.map((part, index) => (index === 0 ? html`${part}` : html`<wbr>${part}`)));
}
