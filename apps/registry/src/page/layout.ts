import { type Html, html, join } from './html.ts';

export interface PageOptions {
  readonly title: string;
  readonly body: Html;
  /** Files of `assets/` that make the page live; it works without. */
  readonly scripts?: readonly string[];
  /** The part of the site that it is. */
  readonly section?: 'compose' | 'builds';
  /** Reloads a page without scripts after so many seconds. */
  readonly reloadSeconds?: number;
}

/** Every page may load what this server serves, and nothing else; nothing may be put into it that runs. */
export const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
} as const;

/** What changes on a page is told here to who does not see it. Only what is there from the beginning is listened to. */
const TOLD = html`<p id="told" class="hidden" role="status"></p>`;

/** The frame that all pages share. */
export function page({ body, reloadSeconds, scripts = [], section, title }: PageOptions): string {
  const refresh =
    reloadSeconds === undefined
      ? ''
      : html`<noscript><meta http-equiv="refresh" content="${reloadSeconds}"></noscript>`;
  const live = scripts.map(
    (script) => html`<script type="module" src="/assets/${script}"></script>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="/assets/page.css">
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
${refresh}${join(live)}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><nav aria-label="Main"><a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="24" height="24">Nixery</a>${link('/', 'Compose', section === 'compose')}${link('/builds', 'Builds', section === 'builds')}</nav></header>
<main id="main">${body}</main>
${scripts.length === 0 ? '' : TOLD}
</body>
</html>
`.text;
}

function link(address: string, text: string, isCurrent: boolean): Html {
  return html`<a href="${address}"${isCurrent ? html` aria-current="page"` : ''}>${text}</a>`;
}
