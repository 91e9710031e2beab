import { type Html, html } from './html.ts';

export interface PageOptions {
  readonly title: string;
  readonly body: Html;
  /** A file of `assets/` that makes the page live; it works without. */
  readonly script?: string;
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

/** The frame that all pages share. */
export function page({ body, reloadSeconds, script, title }: PageOptions): string {
  const refresh =
    reloadSeconds === undefined
      ? ''
      : html`<noscript><meta http-equiv="refresh" content="${reloadSeconds}"></noscript>`;
  const live =
    script === undefined ? '' : html`<script type="module" src="/assets/${script}"></script>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="/assets/page.css">
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
${refresh}${live}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><nav aria-label="Main"><a class="brand" href="/">Nixery</a><a href="/builds">Builds</a></nav></header>
<main id="main">${body}</main>
</body>
</html>
`.text;
}
