// Copies a line of text with one click. Without it there are no such buttons.

import { tell } from './tell.js';

const SHOWN_MS = 2000;

document.documentElement.classList.add('copies');

document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  const button = target.closest('button[data-copy]');
  if (!(button instanceof HTMLButtonElement)) return;
  const text = document.getElementById(button.dataset['copy'] ?? '');
  if (text !== null) copy(text).then((copied) => show(button, text, copied), console.error);
});

/**
 * @param {HTMLElement} element
 * @returns {Promise<boolean>} whether it was allowed
 */
async function copy(element) {
  if (window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(element.innerText);
      return true;
    } catch {
      // Refused: the older way asks nobody.
    }
  }
  // Over plain HTTP there is no clipboard but this one. If it fails, too, the text is selected at least.
  getSelection()?.selectAllChildren(element);
  return document.execCommand('copy');
}

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} text
 * @param {boolean} copied
 */
function show(button, text, copied) {
  tell(copied ? `Copied: ${text.innerText}` : 'Not copied: the text is selected');
  const [label] = button.childNodes;
  if (!copied || !(label instanceof Text) || button.classList.contains('done')) return;
  const before = label.data;
  label.data = 'Copied';
  button.classList.add('done');
  setTimeout(() => {
    label.data = before;
    button.classList.remove('done');
  }, SHOWN_MS);
}
