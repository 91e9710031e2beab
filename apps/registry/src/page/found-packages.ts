import { type Composition, type Found, MAX_FOUND } from '../compose/composition.ts';
import { composeAddress, type Selection, withPackage } from '../compose/selection.ts';
import type { FoundPackage } from '../search/found-package.ts';
import { type Html, html, join } from './html.ts';

/** Why a package cannot be had. */
export const REASONS: Readonly<Record<NonNullable<FoundPackage['reason']>, string>> = {
  unfree: 'not free software; its operator has to allow it',
  broken: 'marked as broken',
  insecure: 'known to be insecure',
  'unsupported-system': 'not for this platform',
};

/** Whether a text can be one part of an image's name: distribution-spec, "Pulling manifests". */
const PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

/** What a search found, as links that add it, and how many there are. */
export function foundPackages({ found, selection }: Composition): Html {
  const typed = selection.query.trim().toLowerCase();
  const packages = found?.packages ?? [];
  const isFound = packages.some(({ imageName }) => imageName === typed);
  const offersTyped = PART.test(typed) && !isFound && !selection.packages.includes(typed);
  return html`<p id="found" class="status">${statusText(found, selection.query.trim())}</p>
<ul id="results" class="results" aria-label="Packages found">${join(
    packages.map((found) => foundPackage(found, selection)),
  )}${offersTyped ? asTyped(typed, selection, found?.state === 'ready') : ''}</ul>`;
}

function statusText(found: Composition['found'], typed: string): string {
  if (typed === '') return '';
  if (found === null) return 'This registry has no search; packages are taken by their names.';
  const { examined, state, total } = found;
  const count = countText(found, typed);
  switch (state) {
    case 'ready':
      return `${count}.`;
    case 'building':
      return `${count}. The packages are still being indexed: ${examined} of ${total} by now.`;
    case 'starting':
      return 'The packages are about to be indexed; until then they are taken by their names.';
    case 'failed':
      return 'The packages cannot be indexed now; they are taken by their names.';
    case 'busy':
      return 'Too many search at the moment: type on, or try again.';
    case 'off':
      return 'This registry has no search; packages are taken by their names.';
  }
}

function countText({ partial, packages }: Found, typed: string): string {
  const { length } = packages;
  if (length === 0) return `Nothing found for “${typed}”`;
  if (partial) return `Nothing has all of “${typed}”; these have some of it`;
  return length < MAX_FOUND
    ? `${length} found for “${typed}”`
    : `The ${length} best for “${typed}”; more words narrow it down`;
}

function foundPackage(found: FoundPackage, selection: Selection): Html {
  const { attribute, description, imageName, licence, reason, version } = found;
  const facts = html`<b>${attribute}</b> <span class="quiet">${version}</span> <span class="about">${[description, licence].filter((text) => text !== '').join(' · ')}</span>`;
  if (reason !== null) {
    return html`<li class="refused"><span class="result">${facts} <span class="why bad">${REASONS[reason]}</span></span></li>`;
  }
  if (selection.packages.includes(imageName)) {
    return html`<li class="taken"><span class="result">${facts} <span class="why">in the image</span></span></li>`;
  }
  return html`<li data-name="${imageName}"><a class="result" data-compose href="${composeAddress(withPackage(selection, imageName))}">${facts}</a></li>`;
}

function asTyped(typed: string, selection: Selection, isIndexed: boolean): Html {
  const warning = isIndexed
    ? html`<span class="about">The search knows no package of this name.</span>`
    : '';
  return html`<li data-name="${typed}"><a class="result" data-compose href="${composeAddress(withPackage(selection, typed))}">Take <b>${typed}</b> by its name ${warning}</a></li>`;
}
