// Changes a part of a page under the hands of somebody who uses it.

/**
 * What had the focus has it afterwards, if it is still there, and tables stay scrolled as they were.
 *
 * @param {HTMLElement} part
 * @param {() => HTMLElement} change gives what is there now
 */
export function keepPlace(part, change) {
  const active = document.activeElement;
  const focused = part.contains(active) ? keyOf(active) : undefined;
  const scrolled = new Map(
    [...part.querySelectorAll('.scroll')].map((table) => [keyOf(table), table.scrollLeft]),
  );
  const now = change();
  for (const table of now.querySelectorAll('.scroll')) {
    table.scrollLeft = scrolled.get(keyOf(table)) ?? 0;
  }
  /** @type {NodeListOf<HTMLElement>} */
  const places = now.querySelectorAll('a, summary, [tabindex]');
  const place = focused && [...places].find((element) => keyOf(element) === focused);
  if (place) place.focus({ preventScroll: true });
}

/** @param {Element | null} element */
function keyOf(element) {
  const name = element?.getAttribute('href') ?? element?.getAttribute('aria-label');
  return `${element?.tagName} ${name ?? element?.textContent}`;
}
