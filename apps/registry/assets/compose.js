// Searches as one types, and adds and removes packages without loading the page anew. Without it the form and its links do.
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

import { tell } from './tell.js';

const PAUSE_MS = 120;
/** Answers that take longer are seen to be waited for. */
const SLOW_MS = 300;
/** What a change of the image changes; `results` are what a search does. */
const PARTS = ['selection', 'image', 'results'];

/** @type {Readonly<Record<number, string>>} */
const REFUSALS = {
  401: 'the registry wants a login',
  403: 'the registry does not let you',
  429: 'too many ask at the moment',
  503: 'the registry cannot answer now',
};

const form = document.getElementById('compose');
const input = document.getElementById('q');
/** @type {AbortController | undefined} */
let running;
/** @type {number | undefined} */
let pause;
/** The option that the keys have reached. */
let active = -1;
/** The address that the page shows, or is about to. */
let shown = addressHere();

if (form instanceof HTMLFormElement && input instanceof HTMLInputElement) begin(form, input);

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 */
function begin(form, input) {
  document.documentElement.classList.add('composes');
  input.setAttribute('role', 'combobox');
  input.setAttribute('aria-autocomplete', 'list');
  input.setAttribute('aria-controls', 'results');
  dress(input);

  input.addEventListener('input', () => {
    clearTimeout(pause);
    pause = setTimeout(() => void search(form, input), PAUSE_MS);
  });
  input.addEventListener('keydown', (event) => {
    if (pressed(event.key, input)) event.preventDefault();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (choose(exactly(input.value))) return;
    void searchAndChoose(form, input);
  });
  form.addEventListener('change', ({ target }) => {
    if (target !== input) go(addressOf(form), input);
  });
  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const option = target?.closest('#results > [data-address]');
    if (option instanceof HTMLElement) {
      go(option.dataset['address'] ?? '', input);
      input.focus();
      return;
    }
    const link = target?.closest('a[data-compose]');
    if (!(link instanceof HTMLAnchorElement)) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(link.href, input);
    input.focus();
  });
  window.addEventListener('popstate', () => {
    // A jump within the page, as to its content, is told as well.
    if (addressHere() === shown) return;
    void show(location.href, input, { parts: [...PARTS, 'options'], setsQuery: true });
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 */
async function search(form, input) {
  clearTimeout(pause);
  const address = addressOf(form);
  history.replaceState(null, '', address);
  await show(address, input, { parts: ['results'], setsQuery: false });
}

/**
 * Enter may come before what it is meant for.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 */
async function searchAndChoose(form, input) {
  const typed = input.value;
  await search(form, input);
  if (input.value === typed) choose(exactly(typed));
}

/**
 * Another image: a new entry of the browser's history. Options stay as they are, with the focus in them.
 *
 * @param {string} address
 * @param {HTMLInputElement} input
 */
function go(address, input) {
  clearTimeout(pause);
  history.pushState(null, '', address);
  void show(address, input, { parts: PARTS, setsQuery: true });
}

/** Of this page, without a place in it. */
function addressHere() {
  return location.pathname + location.search;
}

/** @param {HTMLFormElement} form */
function addressOf(form) {
  const params = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === 'string' && value !== '') params.append(name, value);
  }
  const text = params.toString();
  return text === '' ? '/' : `/?${text}`;
}

/**
 * Shows parts of the page at an address; the latest wins.
 *
 * @param {string} address
 * @param {HTMLInputElement} input
 * @param {{ parts: readonly string[], setsQuery: boolean }} options
 */
async function show(address, input, { parts, setsQuery }) {
  running?.abort();
  shown = addressHere();
  const mine = new AbortController();
  running = mine;
  const slow = setTimeout(() => setBusy(true), SLOW_MS);
  mine.signal.addEventListener('abort', () => clearTimeout(slow));
  try {
    const response = await fetch(address, { signal: mine.signal });
    if (!response.ok)
      throw new Error(REFUSALS[response.status] ?? `the answer was ${response.status}`);
    const next = new DOMParser().parseFromString(await response.text(), 'text/html');
    if (mine.signal.aborted) return;
    for (const part of parts) {
      const fresh = next.getElementById(part);
      if (fresh !== null) document.getElementById(part)?.replaceWith(fresh);
    }
    if (setsQuery) input.value = new URL(address, location.href).searchParams.get('q') ?? '';
    const found = next.getElementById('found')?.textContent ?? '';
    showFound(found);
    // The new image is in the page by now.
    const image = document.getElementById('image')?.dataset['told'] ?? '';
    tell(parts.includes('image') ? image : found);
    dress(input);
  } catch (error) {
    if (mine.signal.aborted) return;
    const text = `That did not work: ${error instanceof Error ? error.message : String(error)}. Try again.`;
    showFound(text);
    tell(text);
  } finally {
    clearTimeout(slow);
    if (running === mine) setBusy(false);
  }
}

/** @param {string} text */
function showFound(text) {
  const found = document.getElementById('found');
  if (found !== null) found.textContent = text;
}

/** @param {boolean} isBusy */
function setBusy(isBusy) {
  document.getElementById('results')?.setAttribute('aria-busy', String(isBusy));
}

/**
 * Makes a list box of the results, which are links.
 *
 * @param {HTMLInputElement} input
 */
function dress(input) {
  const results = document.getElementById('results');
  if (results === null) return;
  results.setAttribute('role', 'listbox');
  for (const [index, item] of [...results.children].entries()) {
    item.setAttribute('role', 'option');
    item.id = `option-${index}`;
    if (!(item instanceof HTMLElement)) continue;
    const link = item.querySelector('a');
    if (link !== null) unlink(item, link);
    else if (item.dataset['address'] === undefined) item.setAttribute('aria-disabled', 'true');
  }
  input.setAttribute('aria-expanded', String(results.childElementCount > 0));
  activate(-1, input);
}

/**
 * An option may have nothing in it that can be used by itself.
 *
 * @param {HTMLElement} item
 * @param {HTMLAnchorElement} link
 */
function unlink(item, link) {
  const text = document.createElement('span');
  text.className = link.className;
  text.append(...link.childNodes);
  link.replaceWith(text);
  item.dataset['address'] = link.href;
}

/** Those that can be chosen. */
function options() {
  /** @type {NodeListOf<HTMLElement>} */
  const all = document.querySelectorAll('#results > [role=option]:not([aria-disabled])');
  return [...all];
}

/**
 * @param {number} index
 * @param {HTMLInputElement} input
 */
function activate(index, input) {
  active = index;
  input.removeAttribute('aria-activedescendant');
  for (const [at, option] of options().entries()) {
    const isActive = at === index;
    option.setAttribute('aria-selected', String(isActive));
    if (!isActive) continue;
    input.setAttribute('aria-activedescendant', option.id);
    option.scrollIntoView({ block: 'nearest' });
  }
}

/**
 * @param {string} key
 * @param {HTMLInputElement} input
 * @returns {boolean} whether it was for the list
 */
function pressed(key, input) {
  const count = options().length;
  switch (key) {
    case 'ArrowDown':
      if (count > 0) activate((active + 1) % count, input);
      return count > 0;
    case 'ArrowUp':
      if (count > 0) activate(active <= 0 ? count - 1 : active - 1, input);
      return count > 0;
    case 'Enter':
      return choose(options()[active]);
    case 'Escape':
      if (active === -1) return false;
      activate(-1, input);
      return true;
    default:
      return false;
  }
}

/** @param {string} text */
function exactly(text) {
  const name = text.trim().toLowerCase();
  return options().find((option) => option.dataset['name'] === name);
}

/**
 * @param {HTMLElement | undefined} option
 * @returns {boolean} whether there is one
 */
function choose(option) {
  option?.click();
  return option !== undefined;
}
