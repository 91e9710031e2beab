import type { HttpError } from '../http/errors.ts';
import type { ErrorDocument } from '../http/exchange.ts';
import { html } from './html.ts';
import { sentence } from './format.ts';
import { page, PAGE_HEADERS } from './layout.ts';

const TITLES: Readonly<Record<number, string>> = {
  400: 'This address cannot be read',
  401: 'Log in to see this page',
  403: 'This is not for you',
  404: 'There is nothing here',
  405: 'Nothing can be changed here',
  408: 'That took too long',
  422: 'This cannot be built',
  429: 'Too much at once',
  503: 'Not now',
  431: 'That address is too long',
};

/**
 * An error for somebody with a browser.
 *
 * @param requestId what the log knows the request by
 */
export function errorPage({ code, message, status }: HttpError, requestId: string): ErrorDocument {
  const title = TITLES[status] ?? 'Something went wrong here';
  // What a registry's client is told of an address that it got wrong says nothing to who follows a link.
  const text = code === 'NAME_UNKNOWN' ? 'No page of this registry has this address.' : message;
  const body = page({
    title: `${title} — Nixery`,
    body: html`<p class="eyebrow">${status}</p>
<h1>${title}</h1>
<p class="lead message">${sentence(text)}</p>
<p><a href="/">Compose an image</a> or see <a href="/builds">what is being built</a>.</p>
${status >= 500 ? html`<p class="quiet">In the log, this request is <code>${requestId}</code>.</p>` : ''}`,
  });
  return { headers: { ...PAGE_HEADERS, Vary: 'Accept' }, body: Buffer.from(body) };
}
