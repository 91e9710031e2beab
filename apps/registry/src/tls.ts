import { createSecureContext } from 'node:tls';

import type { TlsConfig } from './access/access-config.ts';
import { AccessFileError } from './access/access-file.ts';
import { WatchedFiles, type WatchedFilesOptions } from './access/watched-files.ts';

/** A certificate and its key, which belong together. PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads a certificate and its key, and watches the files. A change of one alone is none: a pair counts once both belong
 * together.
 *
 * @throws AccessFileError
 */
export async function openTls(
  { cert, key }: TlsConfig,
  options: Pick<WatchedFilesOptions<TlsPair>, 'onChange' | 'onError' | 'intervalMs'>,
): Promise<WatchedFiles<TlsPair>> {
  return await WatchedFiles.open({ kind: 'TLS', files: [cert, key], parse: parsePair, ...options });
}

function parsePair([cert = '', key = '']: readonly string[]): TlsPair {
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const reason =
      cause instanceof Error && 'reason' in cause ? String(cause.reason) : 'unknown reason';
    throw new AccessFileError(
      'malformed',
      `no certificate and key that belong together (${reason})`,
      { cause },
    );
  }
  return { cert, key };
}
