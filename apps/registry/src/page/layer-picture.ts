import type { ImageLayer } from '../images/view.ts';
import { countOf, formatBytes } from './format.ts';
import { type Html, html, join } from './html.ts';

const WIDTH = 1000;
/** What a layer takes at least, to be seen at all. */
const MIN_WIDTH = 3;
const MAX_NAMES = 3;
/** Layers that are listed at once; of an image of many the rest are small. */
const SHOWN = 12;

type Kind = 'shared' | 'own';

/** An image's layers: how large they are together, and a bar in which each has its size. The largest first. */
export function layerSummary(layers: readonly ImageLayer[]): Html {
  const shared = layers.filter((layer) => kindOf(layer) === 'shared');
  const sharedText =
    shared.length === 0
      ? 'No other image here has any of them.'
      : `Other images here have ${shared.length === layers.length ? 'all' : shared.length} of them, ${formatBytes(sumOf(shared))}: whoever has pulled those does not pull these again.`;
  return html`<p>${formatBytes(sumOf(layers))} compressed, in ${countOf(layers.length, 'layer')}. ${sharedText}</p>
${bar(bySize(layers))}
<p class="legend"><span class="key shared">in other images, too</span><span class="key own">in this one alone</span></p>`;
}

/** The same, and a list of what is in each. */
export function layerPicture(
  layers: readonly ImageLayer[],
  isVisible: (image: string) => boolean,
): Html {
  const sorted = bySize(layers);
  const items = sorted.map((layer) => item(layer, sorted[0]?.size ?? 0, isVisible));
  const rest = sorted.slice(SHOWN);
  return html`${layerSummary(layers)}
<ol class="layers">${join(items.slice(0, SHOWN))}</ol>
${
  rest.length === 0
    ? ''
    : html`<details class="rest"><summary>${countOf(rest.length, 'smaller layer')}, ${formatBytes(sumOf(rest))}</summary><ol class="layers" start="${SHOWN + 1}">${join(items.slice(SHOWN))}</ol></details>`
}`;
}

function bySize(layers: readonly ImageLayer[]): readonly ImageLayer[] {
  return layers.toSorted((a, b) => b.size - a.size);
}

function sumOf(layers: readonly ImageLayer[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}

function kindOf({ isWidelyShared, sharedWith }: ImageLayer): Kind {
  return sharedWith.length > 0 || isWidelyShared ? 'shared' : 'own';
}

function bar(layers: readonly ImageLayer[]): Html {
  const bytes = Math.max(1, sumOf(layers));
  const widths = layers.map(({ size }) => Math.max(MIN_WIDTH, (size / bytes) * WIDTH));
  const scale =
    WIDTH /
    Math.max(
      1,
      widths.reduce((sum, width) => sum + width, 0),
    );
  let x = 0;
  const pieces = layers.map((layer, index) => {
    const width = (widths[index] ?? 0) * scale;
    const piece = html`<rect class="${kindOf(layer)}" x="${x.toFixed(1)}" width="${Math.max(0.5, width - 1).toFixed(1)}" height="44"><title>${layer.summary}: ${formatBytes(layer.size)}</title></rect>`;
    x += width;
    return piece;
  });
  return html`<svg class="picture" viewBox="0 0 ${WIDTH} 44" preserveAspectRatio="none" role="img" aria-label="The sizes of the layers, the largest first">${join(pieces)}</svg>`;
}

function item(layer: ImageLayer, largest: number, isVisible: (image: string) => boolean): Html {
  const { digest, paths, size, summary } = layer;
  const share = largest === 0 ? 0 : (size / largest) * 100;
  const content =
    paths === null || paths.length < 2
      ? html`<span>${summary}</span>`
      : html`<details><summary>${summary}</summary><ul class="paths">${join(paths.map((path) => html`<li>${path}</li>`))}</ul></details>`;
  return html`<li title="${digest}"><div class="line">${content}<span class="number">${formatBytes(size)}</span></div><svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="${kindOf(layer)}" width="${Math.max(0.6, share).toFixed(1)}" height="4"></rect></svg><p class="others">${others(layer, isVisible)}</p></li>`;
}

function others(
  { isWidelyShared, sharedWith }: ImageLayer,
  isVisible: (image: string) => boolean,
): Html {
  if (sharedWith.length === 0) return html`${isWidelyShared ? 'not known' : 'in this image alone'}`;
  const named = sharedWith.filter(isVisible).slice(0, MAX_NAMES);
  const links = named.map(
    (name, index) => html`${index === 0 ? '' : ', '}<a href="/images/${name}">${name}</a>`,
  );
  const rest = sharedWith.length - named.length;
  if (rest === 0 && !isWidelyShared) return html`also in ${join(links)}`;
  const more = isWidelyShared ? `${rest} or more others` : countOf(rest, 'other');
  return html`also in ${join(links)}${named.length === 0 ? '' : ' and '}${more}`;
}
