import { closeSync, openSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LayerError, toLayerFailure } from './error.ts';

let full: number;

beforeAll(() => {
  full = openSync('/dev/full', 'w');
});

afterAll(() => closeSync(full));

function caught(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

test('keeps what a LayerError says', () => {
  expect(toLayerFailure(new LayerError('changed', 'it grew', '/nix/store/x'))).toEqual({
    ok: false,
    code: 'changed',
    message: 'it grew',
    path: '/nix/store/x',
  });
});

test('tells a full disk from other failures', () => {
  expect(toLayerFailure(caught(() => writeSync(full, 'x')))).toMatchObject({ code: 'no-space' });
});

test('tells what is missing', () => {
  const error = caught(() => openSync('/nowhere/at/all', 'r'));
  expect(toLayerFailure(error)).toMatchObject({ code: 'missing', path: '/nowhere/at/all' });
});

test('has one code for the rest', () => {
  expect(toLayerFailure(caught(() => openSync('/dev/full/x', 'r')))).toMatchObject({ code: 'io' });
});

test('does not hide a mistake in the program', () => {
  const mistake = new TypeError('a mistake');
  expect(() => toLayerFailure(mistake)).toThrow(mistake);
});
