import { describe, expect, test } from 'vitest';
import { fillRegions } from './regions.ts';

const document = `before
<!-- begin one: by npm run docs -->
old
<!-- end one -->
between
<!-- begin two: by npm run docs -->
<!-- end two -->
after`;

describe('generated text', () => {
  test('takes the place of what was there, and of nothing else', () => {
    expect(fillRegions(document, { one: 'first', two: 'second\n' })).toBe(`before
<!-- begin one: by npm run docs -->

first

<!-- end one -->
between
<!-- begin two: by npm run docs -->

second

<!-- end two -->
after`);
  });

  test('is put literally, whatever it holds', () => {
    const [, line] = fillRegions(document, { one: "$& $1 $'", two: '' }).split('\n\n');
    expect(line).toBe("$& $1 $'");
  });

  test.each([
    ['unknown-region', document, { one: '' }],
    ['unused-region', document, { one: '', two: '', three: '' }],
    ['unclosed-region', document.replace('<!-- end two -->', ''), { one: '', two: '' }],
  ])('is refused as %s', (code, text, contents: Record<string, string>) => {
    expect(() => fillRegions(text, contents)).toThrow(expect.objectContaining({ code }));
  });
});
