import { expect, it } from 'vitest';

import { breakable } from './breakable.ts';

it.each([
  ['git', 'git'],
  ['shell/git', 'shell/<wbr>git'],
  ['git@sha256:0', 'git@<wbr>sha256:0'],
  [
    'pull --tls-verify=false h/git',
    'pull <span class="whole">--tls-verify=false</span> h/<wbr>git',
  ],
  ['a/<b>', 'a/<wbr>&lt;b&gt;'],
  ['', ''],
])('%j breaks as %j', (text, expected) => {
  expect(breakable(text).text).toBe(expected);
});
