import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { html } from './html.ts';
import { indexPage, PAGE_HEADERS } from './index-page.ts';

describe('the page', () => {
  it('shows the address that it was asked under', () => {
    expect(indexPage('registry.example:5000')).toContain('docker pull registry.example:5000/');
    expect(indexPage('[::1]:8080')).toContain('docker pull [::1]:8080/');
  });

  it.each([undefined, '<script>', 'a b', 'host:port', '"'])('shows no address like %j', (host) => {
    const page = indexPage(host);
    expect(page).toContain('docker pull HOST/');
    expect(page).not.toContain('<script');
  });
});

describe('the policy of the page', () => {
  it('allows its own style, to the letter', () => {
    const style = /<style>(.*)<\/style>/s.exec(indexPage('host'))?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(PAGE_HEADERS['Content-Security-Policy']).toContain(`style-src 'sha256-${hash}'`);
  });
});

describe('a template', () => {
  it('escapes what is put into it', () => {
    expect(html`<p title="${'"'}">${"<b>&'"}</p>`.text).toBe(
      '<p title="&quot;">&lt;b&gt;&amp;&#39;</p>',
    );
  });
});
