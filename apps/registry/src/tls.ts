import { createPrivateKey, X509Certificate } from 'node:crypto';
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
    // The secure context alone would do without a key where there is none.
    const belongs = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
    if (!belongs) throw new Error('they do not');
    createSecureContext({ cert, key });
  } catch (cause) {
    const message = 'no certificate and key that belong together';
    throw new AccessFileError('malformed', message, { cause });
  }
  return { cert, key };
}
