import { parseComponents } from '@nixery/builder';

/** How image names spell an attribute: in lower case, and without the `_` before a digit. */
export function imageNameOf(path: readonly string[]): string {
  return path.map((part) => part.toLowerCase().replace(/^_(?=\d)/, '')).join('.');
}

/**
 * Of the names in one set, those that an image's name can lead to: within its grammar, and the only one of its spelling or
 * spelled just so. A name is looked up as it is first.
 */
export function reachableNames(
  set: readonly string[],
  names: readonly string[],
): readonly string[] {
  const bySpelling = new Map<string, readonly string[]>();
  for (const name of names) {
    if (name === '' || name.includes('.')) continue;
    const spelling = imageNameOf([name]);
    bySpelling.set(spelling, [...(bySpelling.get(spelling) ?? []), name]);
  }
  return [...bySpelling].flatMap(([spelling, candidates]) => {
    if (!isComponent(imageNameOf([...set, spelling]))) return [];
    if (candidates.includes(spelling)) return [spelling];
    return candidates.length === 1 ? candidates : [];
  });
}

function isComponent(text: string): boolean {
  try {
    return parseComponents(text).length === 1;
  } catch {
    return false;
  }
}
