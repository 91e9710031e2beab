import { BlobError } from './error.ts';

/** The folders of named objects: the first two as in Nixery, the others our own. */
const OBJECT_FOLDERS = ['manifests', 'builds', 'images', 'contents', 'pulls', 'gc'] as const;

/** The folder of a named object. */
export type ObjectFolder = (typeof OBJECT_FOLDERS)[number];

/** The name of a small object: a folder and a key of letters, digits, `.`, `_` and `-`, not beginning with a dot. */
export type ObjectName = `${ObjectFolder}/${string}`;

/** The largest named object, in bytes. Records take kilobytes; what is larger is not ours. */
export const OBJECT_MAX_BYTES = 1024 * 1024;

// One path part, valid in every backend and far below a file name's 255 bytes; no leading dot, so never `..`.
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;
const KEY_START = /^([A-Za-z0-9_-][A-Za-z0-9._-]{0,199})?$/;

export interface SplitName {
  readonly folder: ObjectFolder;
  readonly key: string;
}

/** @throws BlobError `invalid` if `name` is not a well-formed object name. */
export function splitObjectName(name: string): SplitName {
  return split(name, KEY, 'object name');
}

/** @throws BlobError `invalid` if `prefix` is not a folder, a slash, and nothing or the start of a key. */
export function splitObjectPrefix(prefix: string): SplitName {
  return split(prefix, KEY_START, 'prefix of object names');
}

/** Whether `key` can be a key; listings skip other files. */
export function isObjectKey(key: string): boolean {
  return KEY.test(key);
}

/** @throws BlobError `invalid` if `bytes` is more than {@link OBJECT_MAX_BYTES} long. */
export function assertObjectSize(name: string, bytes: Uint8Array): void {
  if (bytes.byteLength > OBJECT_MAX_BYTES) {
    throw new BlobError(
      'invalid',
      `${name} has ${bytes.byteLength} bytes, more than the ${OBJECT_MAX_BYTES} of a named object`,
    );
  }
}

function split(text: string, keys: RegExp, what: string): SplitName {
  const slash = text.indexOf('/');
  const folder = OBJECT_FOLDERS.find((name) => name === text.slice(0, slash));
  const key = text.slice(slash + 1);
  if (slash === -1 || folder === undefined || !keys.test(key)) {
    throw new BlobError('invalid', `Not a well-formed ${what}: ${JSON.stringify(text)}`);
  }
  return { folder, key };
}
