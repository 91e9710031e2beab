// Keeps the list of builds up to date. Without it the page reloads itself.

import { keepPlace } from './keep.js';

const EVERY_MS = 2000;

async function refresh() {
  const live = document.getElementById('live');
  if (live === null || document.hidden) return;
  const response = await fetch('/builds');
  if (!response.ok) return;
  const next = new DOMParser().parseFromString(await response.text(), 'text/html');
  const replacement = next.getElementById('live');
  // Replacing what has not changed would take away what is selected.
  if (replacement === null || replacement.innerHTML === live.innerHTML) return;
  keepPlace(live, () => {
    live.replaceWith(replacement);
    return replacement;
  });
}

setInterval(() => {
  // A server that is away is asked again.
  refresh().catch(() => undefined);
}, EVERY_MS);
