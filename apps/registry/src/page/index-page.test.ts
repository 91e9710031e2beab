import { describe, expect, it } from 'vitest';

import { html } from './html.ts';
import { indexPage } from './index-page.ts';

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

describe('a template', () => {
  it('escapes what is put into it', () => {
    expect(html`<p title="${'"'}">${"<b>&'"}</p>`.text).toBe(
      '<p title="&quot;">&lt;b&gt;&amp;&#39;</p>',
    );
  });
});
