import { canonicalName, type PullRequest, type System, systemsOf } from '@nixery/builder';

const AMD64: System = 'x86_64-linux';

/**
 * The shortest name that asks for an image of these platforms.
 *
 * @param canonical its canonical name, which leaves amd64 out
 * @param defaults the platforms of a name that names none
 */
export function shortName(
  canonical: string,
  systems: readonly System[],
  defaults: readonly System[],
): string {
  const isAmd64 = systems.length === 1 && systems[0] === AMD64;
  const isDefault = defaults.length === 1 && defaults[0] === AMD64;
  return isAmd64 && !isDefault ? `amd64/${canonical}` : canonical;
}

export function shortNameOf(request: PullRequest, defaults: readonly System[]): string {
  return shortName(canonicalName(request), systemsOf(request), defaults);
}

/** Name and tag as people write them: the usual tag is left out. */
export function reference(name: string, tag: string): string {
  return tag === 'latest' ? name : `${name}:${tag}`;
}

/** Reads such a reference. */
export function parseReference(text: string): { readonly name: string; readonly tag: string } {
  const colon = text.lastIndexOf(':');
  if (colon === -1) return { name: text, tag: 'latest' };
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) };
}
