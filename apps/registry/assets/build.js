// Follows one build as it goes on. Without it the page reloads itself.

import { keepPlace } from './keep.js';
import { tell } from './tell.js';

const TICK_MS = 1000;

const place = document.getElementById('build');
const state = document.getElementById('state');
const log = document.getElementById('log');
const id = place?.dataset['id'];
/** What was told last. */
let told = '';

if (state !== null && log !== null && id !== undefined) {
  const from = place?.dataset['next'] ?? '0';
  const events = new EventSource(`/builds/${id}/events?from=${from}`);
  const clock = startClock(state);
  log.scrollTop = log.scrollHeight;
  events.addEventListener('state', ({ data }) => {
    showState(state, data);
    clock.set();
  });
  events.addEventListener('log', ({ data }) => addLines(log, JSON.parse(data).lines));
  events.addEventListener('end', () => events.close());
  events.addEventListener('error', () => {
    // A connection that breaks is made again. One that is refused is not: the server has forgotten the build, or is busy.
    if (events.readyState !== EventSource.CLOSED) return;
    clock.stop();
    showLost(state);
  });
}

/**
 * @param {HTMLElement} element
 * @param {string} rendered what the server has escaped
 */
function showState(element, rendered) {
  keepPlace(element, () => {
    const open = [...element.querySelectorAll('details')].map((details) => details.open);
    element.innerHTML = rendered;
    for (const [index, details] of element.querySelectorAll('details').entries()) {
      details.open = open[index] ?? details.open;
    }
    return element;
  });
  /** @type {HTMLElement | null} */
  const standing = element.querySelector('[data-told]');
  const text = standing?.dataset['told'] ?? '';
  // A state comes with each line of the log; only another one is news.
  if (text !== told) tell(text);
  told = text;
}

/**
 * Counts on between two states: a build that logs nothing may go on for long.
 *
 * @param {HTMLElement} element
 */
function startClock(element) {
  let shown = 0;
  let at = 0;
  function set() {
    /** @type {HTMLElement | null} */
    const elapsed = element.querySelector('[data-elapsed]');
    shown = Number(elapsed?.dataset['elapsed'] ?? 0);
    at = performance.now();
  }
  set();
  const timer = setInterval(() => {
    const elapsed = element.querySelector('[data-elapsed]');
    if (elapsed !== null) elapsed.textContent = duration(shown + performance.now() - at);
  }, TICK_MS);
  return { set, stop: () => clearInterval(timer) };
}

/** @param {number} ms */
function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** @param {HTMLElement} element */
function showLost(element) {
  const text = 'This page is not live any more. Load it again to see how the build stands.';
  const notice = document.createElement('p');
  notice.className = 'warning';
  notice.textContent = text;
  element.prepend(notice);
  tell(text);
}

/**
 * @param {HTMLElement} element
 * @param {readonly string[]} lines
 */
function addLines(element, lines) {
  const follows = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
  element.firstElementChild?.append(lines.map((line) => `${line}\n`).join(''));
  if (follows) element.scrollTop = element.scrollHeight;
}
