import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { html, join } from './html.ts';

describe('a template', () => {
  it('escapes what is put into it', () => {
    expect(html`<p title="${'"'}">${"<b>&'"}</p>`.text).toBe(
      '<p title="&quot;">&lt;b&gt;&amp;&#39;</p>',
    );
  });

  it('lets no text leave its place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(html`${text}`.text).not.toMatch(/[<>"']/);
      }),
    );
  });

  it('takes templates as they are', () => {
    expect(html`<ul>${join([html`<li>${'<'}</li>`, html`<li>2</li>`])}</ul>`.text).toBe(
      '<ul><li>&lt;</li><li>2</li></ul>',
    );
  });
});
