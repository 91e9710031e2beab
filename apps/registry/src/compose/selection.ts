import { META_PACKAGES } from '@nixery/builder';

/** Characters of a search, of a name and of a tag that are taken notice of. */
const MAX_QUERY = 200;
const MAX_NAME = 255;
const MAX_TAG = 128;
/** More than an image may have, so that the limit is told in the words of the limit. */
const MAX_CHOSEN = 100;

export const PLATFORM_NAMES = ['amd64', 'arm64'] as const;
export type PlatformName = (typeof PLATFORM_NAMES)[number];

/** What somebody composes an image of: all of it is in the page's address. */
export interface Selection {
  /** As parts of an image's name, in the order they were chosen in. */
  readonly packages: readonly string[];
  readonly hasShell: boolean;
  /** Null: what the registry serves by itself. */
  readonly platform: PlatformName | null;
  /** '' for the usual one. */
  readonly tag: string;
  /** What is searched for. */
  readonly query: string;
}

/** Reads the query of the composer's address. Any will do; what is beyond the limits is left out. */
export function parseSelection(params: URLSearchParams): Selection {
  const packages = params
    .getAll('package')
    .map((name) => name.trim().toLowerCase().slice(0, MAX_NAME))
    .filter((name) => name !== '');
  const platform = params.get('platform');
  return {
    packages: [...new Set(packages)].slice(0, MAX_CHOSEN),
    hasShell: params.get('shell') === '1',
    platform: PLATFORM_NAMES.find((known) => known === platform) ?? null,
    tag: (params.get('tag') ?? '').trim().slice(0, MAX_TAG + 1),
    query: (params.get('q') ?? '').slice(0, MAX_QUERY),
  };
}

/** The composer's address with this selection. */
export function composeAddress(selection: Partial<Selection>): string {
  const { hasShell = false, packages = [], platform = null, query = '', tag = '' } = selection;
  const params = new URLSearchParams();
  for (const name of packages) params.append('package', name);
  if (hasShell) params.set('shell', '1');
  if (platform !== null) params.set('platform', platform);
  if (tag !== '') params.set('tag', tag);
  if (query !== '') params.set('q', query);
  const text = params.toString();
  return text === '' ? '/' : `/?${text}`;
}

/** The same with one package more, and the search for it done. */
export function withPackage(selection: Selection, name: string): Selection {
  return { ...selection, packages: [...new Set([...selection.packages, name])], query: '' };
}

export function withoutPackage(selection: Selection, name: string): Selection {
  return { ...selection, packages: selection.packages.filter((chosen) => chosen !== name) };
}

/** The image's name, whether it can be one or not; null where nothing is chosen. */
export function nameOf({ hasShell, packages, platform }: Selection): string | null {
  if (packages.length === 0 && !hasShell) return null;
  // What leads a name is read as a platform or as `shell`; a package of such a name goes behind another.
  const ordinary = packages.filter((name) => !META_PACKAGES.includes(name));
  const behind = packages.filter((name) => META_PACKAGES.includes(name));
  const front = ordinary.length === 0 && behind.length > 0 ? ['cacert'] : ordinary;
  return [platform ?? [], hasShell ? 'shell' : [], front, behind].flat().join('/');
}

/** The parts of the selection, each an image's name of its own: `shell`, and every package. */
export function partsOf(selection: Selection): readonly string[] {
  const { hasShell, packages } = selection;
  const single = packages.map((name) =>
    nameOf({ ...selection, packages: [name], hasShell: false }),
  );
  const shell = hasShell ? nameOf({ ...selection, packages: [] }) : null;
  return [shell, ...single].filter((name) => name !== null);
}

/** The selection that an image's name stands for. */
export function selectionOf(name: string, tag: string): Partial<Selection> {
  const parts = name.split('/');
  const leading = parts.findIndex((part) => !META_PACKAGES.includes(part));
  const meta = leading === -1 ? parts : parts.slice(0, leading);
  return {
    packages: leading === -1 ? [] : parts.slice(leading),
    hasShell: meta.includes('shell'),
    platform: PLATFORM_NAMES.find((known) => meta.includes(known)) ?? null,
    tag: tag === 'latest' ? '' : tag,
  };
}
