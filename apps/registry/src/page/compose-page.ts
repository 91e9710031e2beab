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
import { reference, shortName } from '../images/image-names.ts';
import type { ImageView } from '../images/view.ts';
import { COPY_STATUS, commands } from './commands.ts';
import { formatBytes } from './format.ts';
import { foundPackages } from './found-packages.ts';
import { type Html, html, join } from './html.ts';
import { layerSummary } from './layer-picture.ts';
import { page } from './layout.ts';
import type { Place } from './place.ts';
import { PLATFORM_TEXTS, platformText } from './platforms.ts';

/** Images that are named as examples. */
const MAX_RECENT = 6;

export interface ComposePageOptions {
  readonly composition: Composition;
  readonly place: Place;
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
  /** The newest first. */
  readonly builds: readonly BuildView[];
  /** Whether who looks may have the image of a name. */
  readonly isVisible: (image: string) => boolean;
}

/** `/`: compose an image of packages. */
export function composePage(options: ComposePageOptions): string {
  const { composition, place, systems } = options;
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
<section id="image" aria-label="The image">${chosen(composition)}${outcome(composition, place)}</section>
</div>
${recent(options)}
${COPY_STATUS}`,
  });
}

function choices({ hasShell, platform, tag }: Selection, systems: readonly System[]): Html {
  const options = [
    html`<option value="">${platformText(systems)} (usual)</option>`,
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

function outcome({ outcome, selection }: Composition, place: Place): Html {
  switch (outcome.kind) {
    case 'empty':
      return html`<div class="empty"><p><b>No packages yet.</b> What you choose comes here, with the commands to pull it.</p>
<p class="quiet">A name works as well as this page: <code>docker pull ${place.host}/shell/git/jq</code> is an image with a shell, git and jq, and nothing else but what they need.</p></div>`;
    case 'refused':
      return html`<div class="failure" role="alert"><p class="message">${outcome.message}</p></div>`;
    case 'image':
      return html`${commands(place, outcome.image.name, outcome.image.tag)}
${size(outcome.image, outcome.estimate, selection)}`;
  }
}

function size(image: ImageView, estimate: Estimate | null, selection: Selection): Html {
  const { built, name, tag } = image;
  if (built === null) return estimate === null ? html`` : estimated(estimate, selection);
  const parts = built.platforms.map(({ layers, system }) => {
    const title = built.isIndex
      ? html`<h3>${PLATFORM_TEXTS[system]}</h3>`
      : html`<h3>Its layers</h3>`;
    return layers === null ? html`` : html`${title}${layerSummary(layers)}`;
  });
  return html`${join(parts)}<p><a href="/images/${reference(name, tag)}">All about this image</a></p>`;
}

function estimated({ bytes, known, layers, unknown }: Estimate, { packages }: Selection): Html {
  const nothing = html`<h3>Its size</h3><p>Not built yet: its size is not known before somebody pulls it.</p>`;
  if (known.length === 0 || (packages.length < 2 && unknown.length > 0)) return nothing;
  const rest =
    unknown.length === 0
      ? ''
      : html` Nothing is known yet of ${list(unknown.map((name) => html`<b>${name}</b>`))}.`;
  return html`<h3>Its size</h3><p>Not built yet. ${unknown.length === 0 ? 'About' : 'At least'} ${formatBytes(bytes)} compressed, as far as images of ${list(known.map((name) => html`<a href="/images/${name}">${name}</a>`))} tell: their ${layers} layers are here, and this image shares most of them.${rest}</p>`;
}

function list(items: readonly Html[]): Html {
  return join(
    items.map((item, index) => {
      if (index === 0) return item;
      return html`${index === items.length - 1 ? ' and ' : ', '}${item}`;
    }),
  );
}

function recent({ builds, isVisible, systems }: ComposePageOptions): Html {
  const images = builds
    .filter(({ name, state }) => state === 'done' && isVisible(name))
    .map(({ name, systems: built, tag }) => reference(shortName(name, built, systems), tag));
  const names = [...new Set(images)].slice(0, MAX_RECENT);
  if (names.length === 0) return html``;
  return html`<section class="recent" aria-labelledby="recent"><h2 id="recent">Built of late</h2>
<ul class="tags links">${join(names.map((name) => html`<li><a href="/images/${name}">${name}</a></li>`))}</ul></section>`;
}
