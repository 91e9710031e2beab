import type { BuildView } from '../builds/view.ts';
import { type Html, html } from './html.ts';
import { ago } from './times.ts';

/**
 * How it stands with an image that there is not.
 *
 * @param latest the latest build of it, if one is remembered
 */
export function standingOfUnbuilt(latest: BuildView | undefined): Html {
  switch (latest?.state) {
    case 'queued':
    case 'running':
      return html`It is being built now: <a href="/builds/${latest.id}">follow the build</a>.`;
    case 'failed':
      return html`The last build failed, ${ago(latest.startedAt)}: <a href="/builds/${latest.id}">see why</a>. A pull tries again.`;
    default:
      return html`Not built yet: the first pull builds it.`;
  }
}
