import type { BuildStage } from '@nixery/builder';

import { type BuildView, isOver, type LayerView, type LogPart } from '../builds/view.ts';
import { breakable } from './breakable.ts';
import { formatBytes, formatDuration, formatElapsed } from './format.ts';
import { type Html, html, join } from './html.ts';
import { page } from './layout.ts';
import { platformText } from './platforms.ts';
import { STATES } from './states.ts';
import { ago, clock } from './times.ts';

const STAGES = [
  ['resolve', 'Find the commit'],
  ['fetch', 'Fetch the packages’ definitions'],
  ['evaluate', 'Evaluate the packages'],
  ['realise', 'Build or download what is missing'],
  ['pack', 'Pack and store the layers'],
  ['compose', 'Write the manifest'],
] as const;

/** Stages in a word, in lists. */
const STAGE_NAMES: Readonly<Record<BuildStage, string>> = {
  resolve: 'finding the commit',
  fetch: 'fetching definitions',
  evaluate: 'evaluating',
  realise: 'building',
  pack: 'packing',
  compose: 'writing the manifest',
};

const PURPOSES = {
  request: 'for a pull',
  refresh: 'before it is too old',
  heal: 'because the storage had lost a part of it',
} as const;
const ORIGINS = {
  known: 'was there',
  packed: 'packed',
  shared: 'packed for another image',
} as const;

/** `/builds` */
export function buildsPage(builds: readonly BuildView[]): string {
  const ended = builds.filter(isOver);
  const underWay = builds.filter((build) => !isOver(build));
  return page({
    title: 'Builds — Nixery',
    reloadSeconds: 5,
    scripts: ['builds.js'],
    section: 'builds',
    body: html`<h1>Builds</h1>
<div id="live">
<h2>Under way</h2>
${underWay.length === 0 ? html`<p class="quiet">Nothing is being built.</p>` : buildTable('Builds under way', underWay)}
<h2>Recent</h2>
${ended.length === 0 ? html`<p class="quiet">Nothing has been built since the server started.</p>` : buildTable('Recent builds', ended)}
</div>`,
  });
}

function buildTable(label: string, builds: readonly BuildView[]): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table class="builds">
<thead><tr><th scope="col">Image</th><th scope="col">State</th><th scope="col">Time</th><th scope="col">Begun</th></tr></thead>
<tbody>${join(builds.map(buildRow))}</tbody>
</table></div>`;
}

function buildRow(build: BuildView): Html {
  const { elapsedMs, id, name, startedAt, state, tag } = build;
  return html`<tr>
<td><a href="/builds/${id}">${breakable(name)}${tag === 'latest' ? '' : html`<span class="quiet">:${tag}</span>`}</a></td>
<td class="wide"><span class="state ${state}">${STATES[state]}</span> <span class="quiet">${doing(build)}</span></td>
<td>${isOver(build) ? formatDuration(elapsedMs) : formatElapsed(elapsedMs)}</td>
<td>${ago(startedAt)}</td>
</tr>`;
}

/** What there is to say of a build in a list besides its state. */
function doing({ failure, stage, state, waiting }: BuildView): string {
  switch (state) {
    case 'queued':
    case 'running': {
      const text = stage === null ? 'waiting' : STAGE_NAMES[stage];
      return waiting > 1 ? `${text}, ${waiting} wait` : text;
    }
    case 'done':
      return '';
    case 'failed':
      return failure?.code ?? '';
  }
}

/** `/builds/<id>` @param image the address of the page of what it makes */
export function buildPage(build: BuildView, log: LogPart, image: string): string {
  return page({
    title: `Build of ${build.name} — Nixery`,
    ...(!isOver(build) && { reloadSeconds: 2, scripts: ['build.js'] }),
    section: 'builds',
    body: html`<p class="eyebrow">Build of the image</p>
<h1><a href="${image}">${breakable(build.name)}</a></h1>
<div id="build" data-id="${build.id}" data-next="${log.first + log.lines.length}">
<div id="state">${buildState(build, image)}</div>
${logSection(log)}
</div>`,
  });
}

/**
 * The part of a build's page that changes as it goes on, apart from the log; also sent on its own to the page's script.
 *
 * @param image as in {@link buildPage}
 */
export function buildState(build: BuildView, image: string): Html {
  const { digest, elapsedMs, failure, purpose, startedAt, state, systems, tag, waiting } = build;
  const elapsed = isOver(build)
    ? `after ${formatDuration(elapsedMs)}`
    : html`for <span data-elapsed="${elapsedMs}">${formatElapsed(elapsedMs)}</span>`;
  return html`<p class="standing" data-told="${told(build)}"><span class="state ${state}">${STATES[state]}</span> ${elapsed}${
    waiting > 0 ? `, ${waiting} ${waiting === 1 ? 'request waits' : 'requests wait'} for it` : ''
  }</p>
${state === 'queued' ? html`<p class="quiet">Other builds have all threads that there are for Nix; it goes on when one of them ends.</p>` : ''}
${state === 'done' ? html`<p><a class="button" href="${image}">See the image</a></p>` : ''}
${failure === null ? '' : failureSection(failure)}
<dl class="facts">
<dt>Tag</dt><dd><code>${tag}</code></dd>
<dt>${systems.length > 1 ? 'Platforms' : 'Platform'}</dt><dd>${platformText(systems)}</dd>
<dt>Begun</dt><dd>${clock(startedAt)}, ${PURPOSES[purpose]}</dd>
${digest === null ? '' : html`<dt>Digest</dt><dd><code class="digest">${digest}</code></dd>`}
</dl>
<ol class="stages">${join(STAGES.map(([stage, title]) => stageItem(build, stage, title)))}</ol>
${layersSection(build.layers)}`;
}

/** What is read out to who does not see the page, when it changes. */
function told({ elapsedMs, failure, stage, state }: BuildView): string {
  switch (state) {
    case 'queued':
      return 'Queued: other builds come first';
    case 'running':
      return `Running: ${STAGES.find(([name]) => name === stage)?.[1] ?? 'waiting'}`;
    case 'done':
      return `Done after ${formatDuration(elapsedMs)}`;
    case 'failed':
      return `Failed: ${failure?.message ?? failure?.code ?? ''}`;
  }
}

function stageItem(build: BuildView, stage: (typeof STAGES)[number][0], title: string): Html {
  const ms = build.stages[stage];
  const isCurrent = build.stage === stage && build.state !== 'done';
  if (ms === undefined) return html`<li class="ahead">${title}</li>`;
  if (!isCurrent) {
    const took = ms === 0 ? '' : formatDuration(ms);
    return html`<li class="past">${title} <span class="quiet">${took}</span></li>`;
  }
  if (build.state === 'failed') return html`<li class="failed" aria-current="step">${title}</li>`;
  return html`<li class="current" aria-current="step">${title}</li>`;
}

function failureSection({
  code,
  derivation,
  log,
  message,
}: NonNullable<BuildView['failure']>): Html {
  return html`<section class="failure" aria-label="What went wrong"><p class="message"><strong>${code}</strong>: ${message}</p>
${derivation === null ? '' : html`<p>Derivation: <code>${derivation}</code></p>`}
${log.length === 0 ? '' : html`<details open><summary>The end of its log</summary><pre class="log" role="region" aria-label="The end of its log" tabindex="0"><code>${log.join('\n')}</code></pre></details>`}
</section>`;
}

function layersSection(layers: readonly LayerView[]): Html | string {
  if (layers.length === 0) return '';
  const total = layers.reduce((sum, { narBytes }) => sum + narBytes, 0);
  const stored = layers.filter(({ state }) => state === 'stored');
  const packed = layers.filter(({ state }) => state !== 'missing');
  return html`<h2>Layers</h2>
${progress('Packed', packed.length, layers.length)}
${progress('Stored', stored.length, layers.length)}
<p class="quiet">${formatBytes(total)} of store paths, ${formatBytes(layers.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0))} compressed</p>
<details><summary>All ${layers.length} layers</summary><div class="scroll" role="region" aria-label="Layers" tabindex="0"><table>
<thead><tr><th scope="col">Store paths</th><th scope="col">Unpacked</th><th scope="col">Compressed</th><th scope="col">State</th></tr></thead>
<tbody>${join(layers.map(layerRow))}</tbody></table></div></details>`;
}

function progress(label: string, value: number, max: number): Html {
  return html`<p class="progress"><label>${label} <progress value="${value}" max="${max}"></progress> ${value} of ${max}</label></p>`;
}

function layerRow({ bytes, narBytes, origin, paths, state }: LayerView): Html {
  const [first, ...rest] = paths;
  const title =
    first === undefined
      ? 'symbolic links'
      : first + (rest.length === 0 ? '' : ` and ${rest.length} more`);
  const how = origin === null ? (state === 'packed' ? 'being stored' : 'missing') : ORIGINS[origin];
  return html`<tr><td title="${paths.join('\n')}">${title}</td><td>${narBytes === 0 ? '' : formatBytes(narBytes)}</td><td>${
    bytes === null ? '' : formatBytes(bytes)
  }</td><td>${how}</td></tr>`;
}

function logSection({ first, lines }: LogPart): Html {
  return html`<h2>Log</h2>
${first > 0 ? html`<p class="quiet">The first ${first} lines are no longer kept.</p>` : ''}
<pre id="log" class="log" role="log" aria-live="off" tabindex="0" aria-label="Log of the build"><code>${lines.map((line) => `${line}\n`).join('')}</code></pre>`;
}
