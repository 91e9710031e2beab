import { describe, expect, test } from 'vitest';
import { anchorsOf, codeOf, linksOf } from './markdown.ts';

const document = `# A registry's "names", and \`NIXERY_HOST\`
[one](a.md) and \`[none](b.md)\`, [two](c.md#there "title")

\`\`\`sh
# no heading [none](d.md)
npm start
\`\`\`

## [Linked](e.md) twice
## Linked twice
![image](f.png)
`;

describe('a document', () => {
  test('has the anchors that GitHub gives its headings', () => {
    expect([...anchorsOf(document)]).toEqual([
      'a-registrys-names-and-nixery_host',
      'linked-twice',
      'linked-twice-1',
    ]);
  });

  test('has links, with their lines, and none in code', () => {
    expect(linksOf(document)).toEqual([
      { target: 'a.md', line: 2 },
      { target: 'c.md#there', line: 2 },
      { target: 'e.md', line: 9 },
      { target: 'f.png', line: 11 },
    ]);
  });

  test('has code, in fences and in text', () => {
    expect(codeOf(document)).toContain('npm start');
    expect(codeOf(document)).toContain('NIXERY_HOST');
    expect(codeOf(document)).not.toContain('image');
  });
});
