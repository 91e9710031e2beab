import type { System } from '@nixery/builder';

import type { BuildView } from '../builds/view.ts';
import { composeAddress, selectionOf } from '../compose/selection.ts';
import { reference, shortName } from '../images/image-names.ts';
import type { BuiltImage, FormDigest, ImageView, PlatformImage } from '../images/view.ts';
import type { FoundPackage } from '../search/found-package.ts';
import { breakable } from './breakable.ts';
import { commands, copyable } from './commands.ts';
import { countOf, formatDuration } from './format.ts';
import { type Html, html, join } from './html.ts';
import { layerPicture } from './layer-picture.ts';
import { page } from './layout.ts';
import type { Place } from './place.ts';
import { PLATFORM_TEXTS, platformText } from './platforms.ts';
import { standingOfUnbuilt } from './standing.ts';
import { STATES } from './states.ts';
import { ago } from './times.ts';

const FORMS = { oci: 'OCI', docker: 'Docker' } as const;
const MAX_BUILDS = 20;

export interface ImagePageOptions {
  readonly image: ImageView;
  /** What is known of its packages, by their part of an image's name. */
  readonly details: ReadonlyMap<string, FoundPackage>;
  /** Of this image, whatever its tag and platform, the newest first. */
  readonly builds: readonly BuildView[];
  /** The latest of just this one, if one is remembered. */
  readonly latest: BuildView | undefined;
  readonly place: Place;
  /** Whether who looks may have the image of a name. */
  readonly isVisible: (image: string) => boolean;
}

/** `/images/<name>[:<tag>]` */
export function imagePage(options: ImagePageOptions): string {
  const { builds, details, image, isVisible, latest, place } = options;
  const { built, name, tag } = image;
  return page({
    title: `${reference(name, tag)} — Nixery`,
    scripts: ['copy.js'],
    body: html`<p class="eyebrow">Image</p>
<h1>${breakable(name)}${tag === 'latest' ? '' : html`<span class="quiet">:${tag}</span>`}</h1>
<p class="lead">${standing(image, latest)}</p>
${commands(place, name, tag)}
${built === null ? '' : builtSections(built, isVisible)}
<h2>Packages</h2>
${packageList(image.packages, details)}
<p><a href="${composeAddress(selectionOf(name, tag))}">Compose another image from these</a></p>
${built === null ? '' : digestSection(built, place, name)}
<h2>Builds</h2>
${buildTable(builds.slice(0, MAX_BUILDS))}`,
  });
}

function standing({ built, systems }: ImageView, latest: BuildView | undefined): Html {
  const platforms = platformText(systems);
  if (built === null) return html`For ${platforms}. ${standingOfUnbuilt(latest)}`;
  const { builtAt, isFresh, pulls, revision } = built;
  const from =
    revision === null
      ? ''
      : html`, from commit <code title="${revision}">${revision.slice(0, 12)}</code>`;
  return html`Built ${ago(builtAt)} for ${platforms}${from}. ${
    pulls === null
      ? 'Not pulled since this server started.'
      : html`Pulled ${pulls.count === 1 ? 'once' : `${pulls.count} times`} since this server started, last ${ago(pulls.lastAt)}.`
  }${isFresh ? '' : ' It is due: the next pull looks whether its packages have changed.'}`;
}

function builtSections(
  { isIndex, platforms }: BuiltImage,
  isVisible: (image: string) => boolean,
): Html {
  return join(
    platforms.map(({ layers, system }) => {
      const title = html`<h2>Layers${isIndex ? ` for ${PLATFORM_TEXTS[system]}` : ''}</h2>`;
      return layers === null
        ? html`${title}<p class="quiet">The storage has no manifest of it now; the next pull makes it again.</p>`
        : html`${title}${layerPicture(layers, isVisible)}`;
    }),
  );
}

function packageList(
  packages: readonly string[],
  details: ReadonlyMap<string, FoundPackage>,
): Html {
  if (details.size === 0) {
    return html`<ul class="tags">${join(packages.map((name) => html`<li>${name}</li>`))}</ul>`;
  }
  return html`<div class="scroll" role="region" aria-label="Packages" tabindex="0"><table>
<thead><tr><th scope="col">Package</th><th scope="col">Version</th><th scope="col">Licence</th></tr></thead>
<tbody>${join(packages.map((name) => packageRow(name, details.get(name.toLowerCase()))))}</tbody></table></div>`;
}

function packageRow(name: string, details: FoundPackage | undefined): Html {
  const { attribute = name, description = '', licence = '', version = '' } = details ?? {};
  return html`<tr><td><b>${attribute}</b> <span class="about">${description}</span></td><td class="wide">${version}</td><td class="wide">${licence}</td></tr>`;
}

function digestSection(
  { digests, isIndex, platforms }: BuiltImage,
  { host }: Place,
  name: string,
): Html {
  const ofIndex = isIndex ? digests.map((digest) => digestLine(digest, 'index')) : [];
  const ofImages = platforms.flatMap((platform) => digestLines(platform, isIndex));
  const [pinned] = digests;
  return html`<h2>Digests</h2>
<dl class="facts">${join([...ofIndex, ...ofImages])}</dl>
${pinned === undefined ? '' : html`<div class="commands">${copyable('By digest', `${host}/${name}@${pinned.digest}`)}</div>`}`;
}

function digestLines({ digests, system }: PlatformImage, isIndex: boolean): readonly Html[] {
  return digests.map((digest) =>
    digestLine(digest, isIndex ? `image for ${PLATFORM_TEXTS[system]}` : 'image'),
  );
}

function digestLine({ digest, form }: FormDigest, what: string): Html {
  return html`<dt>${FORMS[form]} ${what}</dt><dd><code class="digest">${digest}</code></dd>`;
}

function buildTable(builds: readonly BuildView[]): Html {
  if (builds.length === 0) {
    return html`<p class="quiet">None that this server remembers.</p>`;
  }
  return html`<div class="scroll" role="region" aria-label="Builds" tabindex="0"><table>
<thead><tr><th scope="col">Begun</th><th scope="col">State</th><th scope="col">Took</th><th scope="col">Packed</th><th scope="col">Tag</th><th scope="col">Platform</th></tr></thead>
<tbody>${join(builds.map(buildRow))}</tbody></table></div>`;
}

function buildRow({ elapsedMs, id, layers, startedAt, state, systems, tag }: BuildView): Html {
  const packed = layers.filter(({ origin }) => origin === 'packed').length;
  return html`<tr><td><a href="/builds/${id}">${ago(startedAt)}</a></td><td><span class="state ${state}">${STATES[state]}</span></td><td>${formatDuration(elapsedMs)}</td><td>${
    layers.length === 0 ? '' : `${packed} of ${countOf(layers.length, 'layer')}`
  }</td><td>${tag}</td><td>${platformText(systems)}</td></tr>`;
}

/** The address of the page of what a build makes. @param defaults the platforms of a name that names none */
export function imageAddress(
  { name, systems, tag }: Pick<BuildView, 'name' | 'systems' | 'tag'>,
  defaults: readonly System[],
): string {
  return `/images/${reference(shortName(name, systems, defaults), tag)}`;
}
