import type { Sha256Digest } from '../layer/types.ts';
import { MEDIA_TYPES } from './media-types.ts';
import { toJsonDocument, type JsonDocument } from './json.ts';

/** GOARCH's names, as images state them. */
export type Architecture = 'amd64' | 'arm64';

export interface ConfigLayer {
  /** Digest of the uncompressed layer. */
  readonly diffId: Sha256Digest;
  /** What `docker history` shows for it; see {@link describePaths}. */
  readonly createdBy: string;
}

export interface ImageConfigInput {
  readonly architecture: Architecture;
  /** The lowest first. */
  readonly layers: readonly ConfigLayer[];
  /** See {@link chooseCommand}. */
  readonly command: readonly string[] | undefined;
  /** Whether there is a CA bundle at {@link SSL_CERT_FILE}. */
  readonly hasCaBundle: boolean;
}

/** The moment every image was made at, whenever it was: the Nix store's time stamp. */
const CREATED = '1970-01-01T00:00:01Z';

/** Docker's default, so that what a Dockerfile FROM the image installs is found where people expect it. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** OpenSSL's variable, which most TLS libraries heed; Nix's own programs look at no fixed path. */
const SSL_CERT_FILE = '/etc/ssl/certs/ca-bundle.crt';

/**
 * The image config: https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
 *
 * No `variant`: arm64 has one only, v8, and containerd's normal form of it is to leave it out. No HOME: runtimes take
 * it from /etc/passwd, and a fixed one is wrong for `--user`.
 */
export function composeConfig({
  architecture,
  layers,
  command,
  hasCaBundle,
}: ImageConfigInput): JsonDocument {
  const config = {
    architecture,
    os: 'linux',
    created: CREATED,
    config: {
      Env: [`PATH=${PATH}`, ...(hasCaBundle ? [`SSL_CERT_FILE=${SSL_CERT_FILE}`] : [])],
      Cmd: command,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    // One for each layer, or `docker build` and buildah refuse the image in FROM.
    history: layers.map(({ createdBy }) => ({ created: CREATED, created_by: createdBy })),
  };
  // Both forms name the same bytes; the manifest says how they are called.
  return toJsonDocument(config, MEDIA_TYPES.oci.config);
}

/**
 * What the image runs when it is told nothing: bash where there is one, else the first main program that is there.
 *
 * @param binaries names in `/bin`
 * @param mainPrograms `meta.mainProgram` of the packages asked for, in order of precedence
 */
export function chooseCommand(
  binaries: readonly string[],
  mainPrograms: readonly string[],
): readonly string[] | undefined {
  const program = ['bash', ...mainPrograms].find((name) => binaries.includes(name));
  return program === undefined ? undefined : [`/bin/${program}`];
}

const MOST_NAMES = 4;
const HASH_LENGTH = 32;

/** Store paths as one line of an image's history: their names, without hashes, the first few of them. */
export function describePaths(paths: readonly string[]): string {
  const names = paths.map((path) => path.slice(path.lastIndexOf('/') + 1 + HASH_LENGTH + 1)).sort();
  const more = names.length - MOST_NAMES;
  return `nix ${names.slice(0, MOST_NAMES).join(' ')}${more > 0 ? ` and ${more} more` : ''}`;
}
