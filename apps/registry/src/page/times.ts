import { formatAgo, formatClock } from './format.ts';
import { type Html, html } from './html.ts';

/** A moment as a `time` element. @param at ms since 1970 */
export function clock(at: number): Html {
  return html`<time datetime="${new Date(at).toISOString()}">${formatClock(at)}</time>`;
}

/** The same by how long ago it was; its title has the moment. */
export function ago(at: number): Html {
  const text = formatAgo(Date.now() - at);
  return html`<time datetime="${new Date(at).toISOString()}" title="${formatClock(at)}">${text}</time>`;
}
