/** Characters of an attribute path in image names, and the wildcards. */
const PATTERN = /^[A-Za-z0-9_*?-]+(?:\.[A-Za-z0-9_*?-]+)*$/;

/** Each may be tried at every place of a name: a bound on the work that one name can cause. */
const MAX_WILDCARDS = 5;

export interface Pattern {
  /** Whether it names this attribute. */
  names(attribute: string): boolean;
  /** Whether it names this attribute, or a set that this one is in. */
  covers(attribute: string): boolean;
}

/**
 * A glob over attribute names: `*` stands for any characters but a dot, `**` for any, `?` for one. Case does not count,
 * as it does not in image names.
 *
 * @returns undefined for what is no such glob
 */
export function parsePattern(text: string): Pattern | undefined {
  const wildcards = text.match(/\*+|\?/g) ?? [];
  if (!PATTERN.test(text) || wildcards.length > MAX_WILDCARDS) return undefined;
  const source = normalAttribute(text).replaceAll(/\*\*+|\*|\?|[^*?a-z0-9]/g, (part) => {
    if (part.startsWith('**')) return '.*';
    if (part === '*') return '[^.]*';
    return part === '?' ? '[^.]' : `\\x${part.charCodeAt(0).toString(16)}`;
  });
  const exactly = new RegExp(`^${source}$`);
  const orBelow = new RegExp(`^${source}(?:\\..*)?$`);
  return {
    names: (attribute) => exactly.test(normalAttribute(attribute)),
    covers: (attribute) => orBelow.test(normalAttribute(attribute)),
  };
}

/** One spelling for what an image name cannot tell apart: capitals, and `_` before a leading digit. */
export function normalAttribute(attribute: string): string {
  return attribute.toLowerCase().replaceAll(/(^|\.)_(?=\d)/g, '$1');
}
