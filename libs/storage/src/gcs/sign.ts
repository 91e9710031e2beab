import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Storage } from '@google-cloud/storage';
import { GoogleAuth, JWT } from 'google-auth-library';
import { BlobError } from '../error.ts';

/** As long as Nixery's; clients follow a redirect at once, in ms. */
const VALID_MS = 5 * 60_000;

/** A key to sign addresses with, apart from the credentials for requests. */
export interface SigningKey {
  /** The file of the private key, in PEM. */
  readonly keyFile: string;
  /** The service account whose key it is: its e-mail address. */
  readonly account: string;
}

/**
 * How clients are sent to objects: by V4 signed addresses where there is a key, or an account that may have Google sign
 * for it; by public ones otherwise.
 *
 * @param storage - with the credentials to sign with.
 * @param mayHaveKey - whether it is worth trying.
 * @param onUnsigned - told why addresses are public, if they are.
 */
export async function createLinks(
  storage: Storage,
  bucket: string,
  mayHaveKey: boolean,
  onUnsigned: ((reason: string) => void) | undefined,
): Promise<(key: string) => Promise<string>> {
  async function signed(key: string): Promise<string> {
    const file = storage.bucket(bucket).file(key);
    const expires = Date.now() + VALID_MS;
    try {
      const [url] = await file.getSignedUrl({ version: 'v4', action: 'read', expires });
      return url;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BlobError('unavailable', `Cannot sign an address of ${file.name}: ${reason}`, {
        cause,
      });
    }
  }

  const obstacle = mayHaveKey ? await obstacleTo(signed) : 'there are no credentials';
  if (obstacle === null) return signed;
  onUnsigned?.(obstacle);
  return (key) => Promise.resolve(publicUrl(storage, bucket, key));
}

/** Where the key comes with the credentials, signing is arithmetic; elsewhere it needs a permission and a network. */
async function obstacleTo(sign: (key: string) => Promise<string>): Promise<string | null> {
  try {
    await sign('layers/');
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BlobError(
      'invalid',
      `Cannot use the signing key ${file}: ${reason}; it has to be a service account's private key, in PEM`,
      { cause },
    );
  }
}
