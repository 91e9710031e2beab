import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Storage } from '@google-cloud/storage';
import { GoogleAuth, JWT } from 'google-auth-library';
import { retry } from '../bucket/retry.ts';
import type { Tuning } from '../bucket/tuning.ts';
import { BlobError } from '../error.ts';
import { isConnectionFault } from './connection.ts';

/** As long as Nixery's; clients follow a redirect at once, in ms. */
const VALID_MS = 5 * 60_000;

/** A key to sign addresses with, apart from the credentials for requests. */
export interface SigningKey {
  /** The file of the private key, in PEM. */
  readonly keyFile: string;
  /** The service account whose key it is: its e-mail address. */
  readonly account: string;
}

export interface LinkOptions {
  /** With the credentials to sign with. */
  readonly storage: Storage;
  readonly bucket: string;
  /** Whether it is worth trying to sign. */
  readonly mayHaveKey: boolean;
  /** Where accounts without a key have addresses signed, if that is not Google. */
  readonly signingEndpoint: string | undefined;
  readonly tuning: Tuning;
  /** Told why addresses are public, if they are. */
  readonly onUnsigned: ((reason: string) => void) | undefined;
}

/**
 * How clients are sent to objects: by V4 signed addresses where there is a key, or an account that may have Google sign
 * for it; by public ones otherwise.
 *
 * @throws BlobError `unavailable` if it cannot be found out whether there is
 */
export async function createLinks(options: LinkOptions): Promise<(key: string) => Promise<string>> {
  const { bucket, mayHaveKey, onUnsigned, signingEndpoint, storage, tuning } = options;

  async function signed(key: string): Promise<string> {
    const file = storage.bucket(bucket).file(key);
    const expires = Date.now() + VALID_MS;
    try {
      const [url] = await file.getSignedUrl({
        version: 'v4',
        action: 'read',
        expires,
        ...(signingEndpoint !== undefined && { signingEndpoint }),
      });
      return url;
    } catch (cause) {
      throw new BlobError(
        'unavailable',
        `Cannot sign an address of ${file.name}: ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  const obstacle = mayHaveKey
    ? await retry(tuning, tuning.deadlineMs, () => obstacleTo(storage, signingEndpoint))
    : 'there are no credentials';
  if (obstacle === null) return signed;
  onUnsigned?.(obstacle);
  return (key) => Promise.resolve(publicUrl(storage, bucket, key));
}

/**
 * Where the key comes with the credentials, signing is arithmetic; elsewhere it needs a permission and a network. A network
 * that fails for a moment must not make all addresses public for as long as this server runs.
 */
async function obstacleTo(
  storage: Storage,
  signingEndpoint: string | undefined,
): Promise<string | null> {
  try {
    await storage.authClient.sign('whether this can be signed', signingEndpoint);
    return null;
  } catch (cause) {
    if (!isConnectionFault(cause)) return messageOf(cause);
    throw new BlobError(
      'unavailable',
      `Cannot find out whether addresses can be signed: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function publicUrl(storage: Storage, bucket: string, key: string): string {
  return new URL(`/${encodeURIComponent(bucket)}/${key}`, storage.apiEndpoint).href;
}

/** The same endpoint with a key of its own. @throws BlobError `invalid` if the key cannot be used. */
export async function signerOf(
  storage: Storage,
  { keyFile, account }: SigningKey,
): Promise<Storage> {
  const key = await readKey(keyFile);
  const auth = new GoogleAuth({ authClient: new JWT({ email: account, key }) });
  // The library signs with the client, but takes the account's name from here.
  auth.jsonContent = { client_email: account };
  return new Storage({
    apiEndpoint: storage.apiEndpoint,
    authClient: auth,
  });
}

async function readKey(file: string): Promise<string> {
  try {
    const key = await readFile(file, 'utf8');
    createPrivateKey(key);
    return key;
  } catch (cause) {
    throw new BlobError(
      'invalid',
      `Cannot use the signing key ${file}: ${messageOf(cause)}; it has to be a service account's private key, in PEM`,
      { cause },
    );
  }
}
