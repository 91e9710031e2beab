/** Characters of an attribute path in image names, and the wildcards. */
const PATTERN = /^[A-Za-z0-9_*?-]+(?:\.[A-Za-z0-9_*?-]+)*$/;

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
  if (!PATTERN.test(text)) return undefined;
  const steps = normalAttribute(text).match(/\*\*+|./g) ?? [];
  return {
    names: (attribute) => matches(steps, normalAttribute(attribute), false),
    covers: (attribute) => matches(steps, normalAttribute(attribute), true),
  };
}

/** One spelling for what an image name cannot tell apart: capitals, and `_` before a leading digit. */
export function normalAttribute(attribute: string): string {
  return attribute.toLowerCase().replaceAll(/(^|\.)_(?=\d)/g, '$1');
}

/**
 * Goes through a name with all ways at once in which the pattern may match it. Anybody chooses names, and with four
 * wildcards one of 255 characters would keep a regular expression busy for seconds.
 *
 * @param steps characters and wildcards
 * @param orBelow whether it is enough that a set is named which the attribute is in
 */
function matches(steps: readonly string[], name: string, orBelow: boolean): boolean {
  /** Steps that may be next; one beyond the last where all have been gone. */
  let places = reached([0], steps);
  for (const character of name) {
    if (orBelow && character === '.' && places.has(steps.length)) return true;
    const next = [...places].flatMap((place) => {
      const step = steps[place] ?? '';
      if (isAny(step)) return step !== '*' || character !== '.' ? [place] : [];
      return step === character || (step === '?' && character !== '.') ? [place + 1] : [];
    });
    if (next.length === 0) return false;
    places = reached(next, steps);
  }
  return places.has(steps.length);
}

/** These places, and those that follow where a wildcard stands for nothing. */
function reached(places: readonly number[], steps: readonly string[]): ReadonlySet<number> {
  const all = new Set(places);
  // What is added while it goes through them is gone through as well.
  for (const place of all) if (isAny(steps[place] ?? '')) all.add(place + 1);
  return all;
}

/** Whether it stands for any number of characters. */
function isAny(step: string): boolean {
  return step.startsWith('*');
}
