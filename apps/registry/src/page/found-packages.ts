import type { Composition } from '../compose/composition.ts';
import { composeAddress, type Selection, withPackage } from '../compose/selection.ts';
import type { FoundPackage } from '../search/found-package.ts';
import { type Html, html, join } from './html.ts';

/** Why a package cannot be had. */
const REASONS: Readonly<Record<NonNullable<FoundPackage['reason']>, string>> = {
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
  return html`<p id="found" class="status" role="status">${statusText(found, typed)}</p>
<ul id="results" class="results" aria-label="Packages found">${join(
    packages.map((found) => foundPackage(found, selection)),
  )}${offersTyped ? asTyped(typed, selection) : ''}</ul>`;
}

function statusText(found: Composition['found'], typed: string): string {
  if (typed === '') return '';
  if (found === null) return 'This registry has no search; packages are taken by their names.';
  const { examined, packages, state, total } = found;
  const count =
    packages.length === 0 ? 'Nothing found' : `${packages.length} shown, the best first`;
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

function foundPackage(found: FoundPackage, selection: Selection): Html {
  const { attribute, description, imageName, licence, reason, version } = found;
  const facts = html`<b>${attribute}</b> <span class="quiet">${version}</span> <span class="about">${[description, licence].filter((text) => text !== '').join(' · ')}</span>`;
  if (reason !== null) {
    return html`<li class="refused"><span class="result">${facts} <span class="why">${REASONS[reason]}</span></span></li>`;
  }
  if (selection.packages.includes(imageName)) {
    return html`<li class="taken"><span class="result">${facts} <span class="quiet">in the image</span></span></li>`;
  }
  return html`<li data-name="${imageName}"><a class="result" data-compose href="${composeAddress(withPackage(selection, imageName))}">${facts}</a></li>`;
}

function asTyped(typed: string, selection: Selection): Html {
  return html`<li data-name="${typed}"><a class="result" data-compose href="${composeAddress(withPackage(selection, typed))}">Take <b>${typed}</b> by its name</a></li>`;
}
