import type { ImageLayer } from '../images/view.ts';
import { countOf, formatBytes } from './format.ts';
import { type Html, html, join } from './html.ts';

const WIDTH = 1000;
/** What a layer takes at least, to be seen at all. */
const MIN_WIDTH = 3;
/** What a layer takes at least, to have a gap behind it in whole. */
const MIN_GAPPED = 6;
const MAX_NAMES = 3;
/** Layers that are listed at once; of an image of many the rest are small. */
const SHOWN = 12;

type Kind = 'shared' | 'own';

const KINDS: readonly { readonly kind: Kind; readonly text: string }[] = [
  { kind: 'shared', text: 'in other images, too' },
  { kind: 'own', text: 'in this one alone' },
];

/** An image's layers: how large they are together, and a bar in which each has its size: first those that others share. */
export function layerSummary(layers: readonly ImageLayer[]): Html {
  const groups = KINDS.map(({ kind, text }) => ({
    kind,
    text,
    layers: bySize(layers.filter((layer) => kindOf(layer) === kind)),
  })).filter(({ layers }) => layers.length > 0);
  const keys = groups.map(
    ({ kind, layers, text }) =>
      html`<li class="key ${kind}">${formatBytes(sumOf(layers))} ${text} <span class="whole">(${countOf(layers.length, 'layer')})</span></li>`,
  );
  return html`<p class="figure"><b>${formatBytes(sumOf(layers))}</b> compressed, in ${countOf(layers.length, 'layer')}</p>
${bar(groups.flatMap(({ layers }) => layers))}
<ul class="legend">${join(keys)}</ul>
${groups[0]?.kind === 'shared' ? html`<p class="quiet note">Whoever has pulled those images does not pull these layers again.</p>` : ''}`;
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
    // What is as narrow as a gap would be gaps alone.
    const gap = width < MIN_GAPPED ? width / 5 : 1;
    const piece = html`<rect class="${kindOf(layer)}" x="${x.toFixed(1)}" width="${(width - gap).toFixed(2)}" height="44"><title>${layer.summary}: ${formatBytes(layer.size)}</title></rect>`;
    x += width;
    return piece;
  });
  return html`<svg class="picture" viewBox="0 0 ${WIDTH} 44" preserveAspectRatio="none" role="img" aria-label="The sizes of the layers, those in other images first">${join(pieces)}</svg>`;
}

function item(layer: ImageLayer, largest: number, isVisible: (image: string) => boolean): Html {
  const { digest, paths, size, summary } = layer;
  const share = largest === 0 ? 0 : (size / largest) * 100;
  const content =
    paths === null || paths.length < 2
      ? html`${summary}`
      : html`<details><summary>${summary}</summary><ul class="paths">${join(paths.map((path) => html`<li>${path}</li>`))}</ul></details>`;
  return html`<li title="${digest}"><div class="name">${content}</div><span class="number">${formatBytes(size)}</span><svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="${kindOf(layer)}" width="${Math.max(0.6, share).toFixed(1)}" height="4"></rect></svg><p class="others">${others(layer, isVisible)}</p></li>`;
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
