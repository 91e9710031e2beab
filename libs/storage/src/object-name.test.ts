import { expect, test } from 'vitest';
import {
  OBJECT_MAX_BYTES,
  assertObjectSize,
  splitObjectName,
  splitObjectPrefix,
} from './object-name.ts';

const invalid = expect.objectContaining({ name: 'BlobError', code: 'invalid' });

test.each([
  { name: 'manifests/v1.0f3a', folder: 'manifests', key: 'v1.0f3a' },
  { name: 'builds/a-b_c', folder: 'builds', key: 'a-b_c' },
  { name: 'images/v1.0f3a', folder: 'images', key: 'v1.0f3a' },
  { name: 'contents/v1.0f3a', folder: 'contents', key: 'v1.0f3a' },
  { name: 'pulls/v1.2', folder: 'pulls', key: 'v1.2' },
  { name: 'gc/v1.lease.3', folder: 'gc', key: 'v1.lease.3' },
  { name: `builds/${'k'.repeat(200)}`, folder: 'builds', key: 'k'.repeat(200) },
])('$name is an object name', ({ name, folder, key }) => {
  expect(splitObjectName(name)).toEqual({ folder, key });
});

test.each([
  '',
  'manifests',
  'manifests/',
  'layers/key',
  'tmp/key',
  '/manifests/key',
  'manifests//key',
  'manifests/.hidden',
  'manifests/..',
  'manifests/../layers/key',
  'manifests/a/b',
  'manifests/a\\b',
  'manifests/a\0b',
  'manifests/a\n',
  'manifests/ä',
  `manifests/${'k'.repeat(201)}`,
])('%j is no object name', (name) => {
  expect(() => splitObjectName(name)).toThrow(invalid);
});

test.each(['manifests/', 'builds/v1.'])('%s is a prefix of object names', (prefix) => {
  expect(() => splitObjectPrefix(prefix)).not.toThrow();
});

test.each(['', 'manifests', 'man', 'layers/', 'builds/..', 'builds/a/'])(
  '%j is no prefix of object names',
  (prefix) => {
    expect(() => splitObjectPrefix(prefix)).toThrow(invalid);
  },
);

test('an object of the largest size is accepted, one byte more is not', () => {
  expect(() => assertObjectSize('builds/k', new Uint8Array(OBJECT_MAX_BYTES))).not.toThrow();
  expect(() => assertObjectSize('builds/k', new Uint8Array(OBJECT_MAX_BYTES + 1))).toThrow(invalid);
});
