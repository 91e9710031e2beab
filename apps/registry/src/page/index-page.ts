import { createHash } from 'node:crypto';

import { Html, html } from './html.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1b2733, #e4eaf0); --soft: light-dark(#566573, #9aa8b5);
  --paper: light-dark(#fbfcfd, #12181f); --panel: light-dark(#eef3f7, #1b242e); --accent: light-dark(#2b62a8, #8db9ef); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.05rem/1.6 system-ui, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; }
h1 { font-size: 2.4rem; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 0.5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.5rem; }
.lead { font-size: 1.2rem; color: var(--soft); margin: 0 0 2rem; }
pre { background: var(--panel); border-radius: 0.5rem; padding: 1rem 1.25rem; overflow-x: auto; margin: 0.75rem 0; }
code { font: 0.95em/1.5 ui-monospace, monospace; }
:not(pre) > code { background: var(--panel); border-radius: 0.25rem; padding: 0.1rem 0.3rem; }
dt { font-weight: 600; margin-top: 0.9rem; }
dd { margin: 0.1rem 0 0; color: var(--soft); }
b { color: var(--accent); font-weight: 600; }
`;

/** One value, so that no white space comes between the tags and what the hash is over. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
} as const;

/** RFC 9110, section 7.2: a host and perhaps a port; anything else is not shown. */
const HOST = /^[A-Za-z0-9.-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/;

/**
 * The page at `/`.
 *
 * @param host the Host header: what people have to write before an image's name
 */
export function indexPage(host: string | undefined): string {
  const registry = host !== undefined && HOST.test(host) ? host : 'HOST';
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Nixery: container images on demand</title>
${STYLE_ELEMENT}
</head>
<body>
<main>
<h1>Container images on demand</h1>
<p class="lead">Name the packages, pull the image. This registry builds it with Nix while you wait.</p>

<pre><code>docker pull ${registry}/<b>shell</b>/<b>git</b>/<b>jq</b></code></pre>
<p>That is an image with a shell, git and jq, and nothing else but what they need.</p>

<h2>How an image name is read</h2>
<dl>
<dt><code>${registry}/git/htop</code></dt>
<dd>Each part is a Nix package. Order and repetition do not matter.</dd>
<dt><code>${registry}/shell/git</code></dt>
<dd><code>shell</code>, at the beginning, adds bash, coreutils, moreutils and nano.</dd>
<dt><code>${registry}/arm64/shell/git</code></dt>
<dd><code>arm64</code> or <code>amd64</code>, at the beginning, choose the platform; amd64 unless told.</dd>
<dt><code>${registry}/python3packages.requests</code></dt>
<dd>A dot reaches into a set of packages. Image names are lower-case; packages are found whatever their case.</dd>
</dl>

<h2>Run it</h2>
<pre><code>docker run --rm -it ${registry}/shell/git bash</code></pre>
</main>
</body>
</html>
`.text;
}
