import { OfflinePackagesError } from './errors.ts';
import { compareVersions } from './version.ts';

/** One binary package of an apt archive: what its stanza in a `Packages` file says. */
export interface BinaryPackage {
  readonly name: string;
  readonly version: string;
  /** Conjunction of alternatives, versions and architecture qualifiers left out. */
  readonly depends: readonly (readonly string[])[];
  readonly url: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** First line of the description. */
  readonly summary: string;
  readonly homepage: string | undefined;
}

/** A decompressed `Packages` file and the archive its file names are relative to. */
export interface PackagesFile {
  /** Ends in a slash. */
  readonly archiveUrl: string;
  readonly text: string;
}

/** All binary packages of one architecture, the newest version of each. */
export interface Archive {
  find(name: string): BinaryPackage | undefined;
  /** Packages that provide a virtual package, sorted by name. */
  providers(virtual: string): readonly string[];
}

interface Candidate {
  readonly version: string;
  readonly stanza: string;
  readonly archiveUrl: string;
}

/**
 * Reads `Packages` files. Only names, versions and provisions are taken up front: an archive has 60,000 stanzas, of
 * which a set wants a few hundred.
 */
export function readArchive(files: readonly PackagesFile[]): Archive {
  const candidates = new Map<string, Candidate>();
  const virtual = new Map<string, Set<string>>();
  for (const { archiveUrl, text } of files) {
    for (const stanza of text.split('\n\n')) {
      const name = field(stanza, 'Package');
      const version = field(stanza, 'Version');
      if (name === undefined || version === undefined) continue;
      for (const [provided] of parseRelations(field(stanza, 'Provides') ?? '')) {
        if (provided === undefined) continue;
        const names = virtual.get(provided) ?? new Set();
        virtual.set(provided, names.add(name));
      }
      const known = candidates.get(name);
      if (known === undefined || compareVersions(known.version, version) < 0) {
        candidates.set(name, { version, stanza, archiveUrl });
      }
    }
  }
  return {
    find(name) {
      const candidate = candidates.get(name);
      return candidate && parseStanza(name, candidate);
    },
    providers(name) {
      return [...(virtual.get(name) ?? [])].sort();
    },
  };
}

/**
 * Parses a relationship field into its alternatives, e.g. `a (>= 1), b | c:any` into `[['a'], ['b', 'c']]`.
 * Debian Policy, chapter 7.
 */
export function parseRelations(text: string): readonly (readonly string[])[] {
  return text
    .split(',')
    .map((alternatives) =>
      alternatives
        .split('|')
        .map((relation) => /^\s*([a-z0-9][a-z0-9+.-]+)/.exec(relation)?.[1])
        .filter((name) => name !== undefined),
    )
    .filter((alternatives) => alternatives.length > 0);
}

function parseStanza(name: string, { version, stanza, archiveUrl }: Candidate): BinaryPackage {
  const filename = field(stanza, 'Filename');
  const sha256 = field(stanza, 'SHA256');
  if (filename === undefined || sha256 === undefined) {
    throw new OfflinePackagesError(
      'malformed-lists',
      `apt's lists name no file or no SHA256 for the package ${name} ${version}.`,
    );
  }
  return {
    name,
    version,
    depends: [
      ...parseRelations(field(stanza, 'Pre-Depends') ?? ''),
      ...parseRelations(field(stanza, 'Depends') ?? ''),
    ],
    url: archiveUrl + filename.split('/').map(encodeURIComponent).join('/'),
    sha256,
    summary: field(stanza, 'Description') ?? '',
    homepage: field(stanza, 'Homepage'),
  };
}

function field(stanza: string, name: string): string | undefined {
  const key = `${name}: `;
  const start = stanza.startsWith(key) ? 0 : stanza.indexOf(`\n${key}`) + 1;
  if (start === 0 && !stanza.startsWith(key)) return undefined;
  const end = stanza.indexOf('\n', start);
  return stanza.slice(start + key.length, end === -1 ? undefined : end).trim();
}
