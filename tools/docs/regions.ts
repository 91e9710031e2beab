import { DocumentError } from './errors.ts';

const REGION = /^<!-- begin ([a-z-]+):.*?-->\n(.*?)^<!-- end \1 -->$/gms;
const BEGIN = /^<!-- begin ([a-z-]+):/gm;

/**
 * Puts generated text where a document has a place for it, between `<!-- begin NAME: … -->` and `<!-- end NAME -->`.
 *
 * @throws DocumentError for a place that nothing is generated for, or that does not end, and for text without a place
 */
export function fillRegions(document: string, contents: Readonly<Record<string, string>>): string {
  const begun = [...document.matchAll(BEGIN)].map(([, name = '']) => name);
  const filled: string[] = [];
  const text = document.replaceAll(REGION, (region: string, name: string) => {
    const content = contents[name];
    if (content === undefined) {
      throw new DocumentError('unknown-region', `nothing is generated for ${name}`);
    }
    filled.push(name);
    const [begin = ''] = region.split('\n', 1);
    return `${begin}\n\n${content.trim()}\n\n<!-- end ${name} -->`;
  });
  const open = begun.find((name) => !filled.includes(name));
  if (open !== undefined) {
    throw new DocumentError('unclosed-region', `${open} begins, and does not end`);
  }
  const unused = Object.keys(contents).find((name) => !filled.includes(name));
  if (unused !== undefined) {
    throw new DocumentError('unused-region', `the document has no place for ${unused}`);
  }
  return text;
}
