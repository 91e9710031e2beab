// Follows one build as it goes on. Without it the page reloads itself.

const place = document.getElementById('build');
const state = document.getElementById('state');
const log = document.getElementById('log');
const id = place?.dataset['id'];

if (state !== null && log !== null && id !== undefined) {
  const from = place?.dataset['next'] ?? '0';
  const events = new EventSource(`/builds/${id}/events?from=${from}`);
  events.addEventListener('state', ({ data }) => showState(state, data));
  events.addEventListener('log', ({ data }) => addLines(log, JSON.parse(data).lines));
  events.addEventListener('end', () => events.close());
}

/**
 * @param {HTMLElement} element
 * @param {string} rendered what the server has escaped
 */
function showState(element, rendered) {
  const open = [...element.querySelectorAll('details')].map((details) => details.open);
  element.innerHTML = rendered;
  for (const [index, details] of element.querySelectorAll('details').entries()) {
    details.open = open[index] ?? details.open;
  }
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
