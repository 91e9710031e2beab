// Tells who does not see a page what has changed on it.

const place = document.getElementById('told');

/**
 * Has a text read out. What is said already would be passed over, so the same again differs by a space.
 *
 * @param {string} text
 */
export function tell(text) {
  if (place === null || text === '') return;
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}
