import type { System } from '@nixery/builder';

import type { BuildView } from '../builds/view.ts';
import type { Composition } from '../compose/composition.ts';
import type { Estimate } from '../compose/estimate.ts';
import {
  composeAddress,
  PLATFORM_NAMES,
  type Selection,
  withoutPackage,
} from '../compose/selection.ts';
import { reference } from '../images/image-names.ts';
import { breakable } from './breakable.ts';
import { commands } from './commands.ts';
import { countOf, formatBytes } from './format.ts';
import { foundPackages, REASONS } from './found-packages.ts';
import { type Html, html, join } from './html.ts';
import { layerSummary } from './layer-picture.ts';
import { page } from './layout.ts';
import type { Place } from './place.ts';
import { PLATFORM_TEXTS, platformText } from './platforms.ts';
import { standingOfUnbuilt } from './standing.ts';

export interface ComposePageOptions {
  readonly composition: Composition;
  readonly place: Place;
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
  /** Names of images that were built of late, the newest first. */
  readonly recent: readonly string[];
  /** The latest build of what is composed, if one is remembered. */
  readonly latest: BuildView | undefined;
}

/** `/`: compose an image of packages. */
export function composePage(options: ComposePageOptions): string {
  const { composition, recent, systems } = options;
  const { selection } = composition;
  return page({
    title: 'Nixery: container images on demand',
    section: 'compose',
    scripts: ['copy.js', 'compose.js'],
    body: html`<h1>Container images on demand</h1>
<p class="lead">Choose packages, pull the image. This registry builds it with Nix while you wait, out of layers that images share.</p>
<div class="composer">
<form id="compose" method="get" action="/" role="search" aria-label="Compose an image">
<div id="selection">${join(selection.packages.map((name) => html`<input type="hidden" name="package" value="${name}">`))}</div>
<div class="search">
<label for="q">Find packages</label>
<div class="field"><input id="q" name="q" type="search" value="${selection.query}" maxlength="200" autocomplete="off" autocapitalize="none" spellcheck="false" placeholder="git, json processor, …" aria-describedby="found"><button>Search</button></div>
${foundPackages(composition)}
</div>
<div id="options">${choices(selection, systems)}</div>
</form>
<section id="image" aria-label="The image" data-told="${told(composition)}">${chosen(composition)}${warnings(composition)}${outcome(options)}</section>
</div>
${recentImages(recent)}`,
  });
}

function choices({ hasShell, platform, tag }: Selection, systems: readonly System[]): Html {
  const options = [
    html`<option value="">${platformText(systems)} (default)</option>`,
    ...PLATFORM_NAMES.map(
      (name) =>
        html`<option value="${name}"${name === platform ? html` selected` : ''}>linux/${name}</option>`,
    ),
  ];
  return html`<fieldset><legend>Options</legend>
<label class="check"><input type="checkbox" name="shell" value="1"${hasShell ? html` checked` : ''}> A shell: bash, coreutils, moreutils, nano</label>
<label for="platform">Platform</label><select id="platform" name="platform">${join(options)}</select>
<label for="tag">Tag</label><input id="tag" name="tag" value="${tag}" maxlength="128" placeholder="latest" autocomplete="off" autocapitalize="none" spellcheck="false">
<button class="apply">Apply</button></fieldset>`;
}

function chosen({ chosen, selection }: Composition): Html {
  const { packages } = selection;
  if (packages.length === 0) return html``;
  const items = packages.map((name) => {
    const { attribute = name, version = '' } = chosen.get(name) ?? {};
    return html`<li><span>${attribute} <span class="quiet">${version}</span></span><a class="remove" data-compose href="${composeAddress(withoutPackage(selection, name))}" aria-label="Remove ${attribute}">×</a></li>`;
  });
  return html`<ul class="tags" aria-label="Packages in the image">${join(items)}</ul>`;
}

/** Why a pull would fail, as far as is known. */
function warnings({ chosen, selection, unknown }: Composition): Html {
  const refused = selection.packages.flatMap((name) => {
    const { attribute, reason = null } = chosen.get(name) ?? {};
    // The search knows of the platform that is served by itself, and of no other.
    const isOfPlatform = reason === 'unsupported-system' && selection.platform !== null;
    if (attribute === undefined || reason === null || isOfPlatform) return [];
    return [html`<p class="warning"><b>${attribute}</b> cannot be had: ${REASONS[reason]}.</p>`];
  });
  const missing = unknown.map(
    (name) =>
      html`<p class="warning">The search knows no package <b>${name}</b>; a pull may fail.</p>`,
  );
  return join([...refused, ...missing]);
}

/** What is read out when the image has changed. */
function told({ outcome, selection }: Composition): string {
  const { hasShell, packages } = selection;
  if (outcome.kind === 'refused') return outcome.message;
  const parts = [...packages, ...(hasShell ? ['a shell'] : [])];
  return parts.length === 0 ? 'The image is empty.' : `The image has ${parts.join(', ')}.`;
}

function outcome({ composition, latest, place }: ComposePageOptions): Html {
  const { outcome, selection } = composition;
  switch (outcome.kind) {
    case 'empty':
      return html`<div class="empty"><p><b>No packages yet.</b> What you choose comes here, with the commands to pull it.</p>
<p class="quiet">A name works as well as this page: <code>docker pull ${place.host}/shell/git/jq</code> is an image with a shell, git and jq, and nothing else but what they need.</p></div>`;
    case 'refused':
      return html`<div class="failure" role="alert"><p class="message">${outcome.message}</p></div>`;
    case 'image':
      return html`${commands(place, outcome.image.name, outcome.image.tag)}
${size(outcome, selection, latest)}`;
  }
}

function size(
  { estimate, image }: Extract<Composition['outcome'], { kind: 'image' }>,
  { packages }: Selection,
  latest: BuildView | undefined,
): Html {
  const { built, name, tag } = image;
  if (built === null) {
    const known = estimate === null ? '' : estimated(estimate, packages.length);
    return html`<h2>Its size</h2>${known}<p>${standingOfUnbuilt(latest)}</p>`;
  }
  const parts = built.platforms.map(({ layers, system }) => {
    const title = built.isIndex
      ? html`<h2>${PLATFORM_TEXTS[system]}</h2>`
      : html`<h2>Its layers</h2>`;
    return layers === null ? html`` : html`${title}${layerSummary(layers)}`;
  });
  return html`${join(parts)}<p><a href="/images/${reference(name, tag)}">All about this image</a></p>`;
}

function estimated({ bytes, known, layers, unknown }: Estimate, packages: number): Html {
  if (known.length === 0 || (packages < 2 && unknown.length > 0)) {
    return html`<p class="quiet">Not known before it is built.</p>`;
  }
  const rest =
    unknown.length === 0
      ? ''
      : html` Nothing is known yet of ${list(unknown.map((name) => html`<b>${name}</b>`))}.`;
  const images = list(known.map((name) => html`<a href="/images/${name}">${name}</a>`));
  return html`<p class="figure"><b>${unknown.length === 0 ? 'About' : 'At least'} ${formatBytes(bytes)}</b> compressed</p>
<p class="quiet">Reckoned from the ${known.length === 1 ? 'image' : 'images'} of ${images}: ${countOf(layers, 'layer')} that ${layers === 1 ? 'is' : 'are'} here, most of which this image shares.${rest}</p>
`;
}

function list(items: readonly Html[]): Html {
  return join(
    items.map((item, index) => {
      if (index === 0) return item;
      return html`${index === items.length - 1 ? ' and ' : ', '}${item}`;
    }),
  );
}

function recentImages(names: readonly string[]): Html {
  if (names.length === 0) return html``;
  return html`<section class="recent" aria-labelledby="recent"><h2 id="recent">Recently built</h2>
<ul class="tags links">${join(names.map((name) => html`<li><a href="/images/${name}">${breakable(name)}</a></li>`))}</ul></section>`;
}
