import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTar } from '../testing/tar-reader.ts';
import { END_OF_ARCHIVE, encodeHeader, padding, type TarEntry } from './tar.ts';

function read(entry: TarEntry) {
  const [member] = readTar(Buffer.concat([encodeHeader(entry), END_OF_ARCHIVE]));
  return member;
}

const component = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))));

const path = fc
  .array(component, { minLength: 1, maxLength: 6 })
  .map((names) => Buffer.from(names.map((name) => name.toString('latin1')).join('/'), 'latin1'));

describe('encodeHeader', () => {
  test('writes any path and link target so that a strict reader gets the same bytes', () => {
    fc.assert(
      fc.property(path, path, (path, target) => {
        expect(read({ type: 'symlink', path, target })).toMatchObject({
          type: 'symlink',
          path: path.toString('latin1'),
          target: target.toString('latin1'),
          mode: 0o777,
        });
        expect(read({ type: 'directory', path, mode: 0o555 })).toMatchObject({
          type: 'directory',
          path: `${path.toString('latin1')}/`,
          mode: 0o555,
        });
      }),
    );
  });

  test('fixes time and owner', () => {
    expect(read({ type: 'directory', path: Buffer.from('nix'), mode: 0o755 })).toMatchObject({
      mtime: 1,
      owner: '0:0',
    });
  });

  test.each([
    ['100 bytes fit the name', 'n'.repeat(100), false],
    ['101 bytes without a slash do not', 'n'.repeat(101), true],
    ['155 and 100 bytes fit prefix and name', `${'p'.repeat(155)}/${'n'.repeat(100)}`, false],
    ['156 bytes do not fit the prefix', `${'p'.repeat(156)}/${'n'.repeat(100)}`, true],
    ['155 and 101 bytes do not fit', `${'p'.repeat(155)}/${'n'.repeat(101)}`, true],
  ])('needs an extended header only where ustar has no room: %s', (_, path, extended) => {
    const entry = { type: 'file', path: Buffer.from(path), mode: 0o444, size: 0 } as const;
    expect(encodeHeader(entry).length > 512).toBe(extended);
    expect(read(entry)?.path).toBe(path);
  });

  test('counts the slash of a directory, and does not split at it', () => {
    const fits = { type: 'directory', path: Buffer.from('d'.repeat(99)), mode: 0o555 } as const;
    const does = { type: 'directory', path: Buffer.from('d'.repeat(100)), mode: 0o555 } as const;
    expect(encodeHeader(fits)).toHaveLength(512);
    expect(read(does)?.pax).toEqual({ path: `${'d'.repeat(100)}/` });
  });

  test('says that a path in an extended header is not UTF-8, where it is not', () => {
    const raw = Buffer.alloc(120, 0xe9);
    expect(read({ type: 'symlink', path: raw, target: raw })?.pax).toEqual({
      hdrcharset: 'BINARY',
      path: raw.toString('latin1'),
      linkpath: raw.toString('latin1'),
    });
    const utf8 = Buffer.from('é'.repeat(60));
    expect(read({ type: 'symlink', path: utf8, target: utf8 })?.pax).not.toHaveProperty(
      'hdrcharset',
    );
  });

  test.each([
    [8 * 1024 ** 3 - 1, 512, '77777777777'],
    [8 * 1024 ** 3, 3 * 512, '00000000000'],
  ])('writes a size of %d bytes where it has room', (size, length, field) => {
    const header = encodeHeader({ type: 'file', path: Buffer.from('big'), mode: 0o444, size });
    expect(header).toHaveLength(length);
    expect(header.subarray(-512).toString('latin1', 124, 135)).toBe(field);
    expect(header.includes(`19 size=${size}\n`)).toBe(length > 512);
  });

  test('writes the length of an extended record so that it counts its own digits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 101, max: 1200 }), (length) => {
        const path = 'p'.repeat(length);
        expect(
          read({ type: 'symlink', path: Buffer.from(path), target: Buffer.from('t') }),
        ).toEqual(expect.objectContaining({ path, pax: { path } }));
      }),
    );
  });
});

test.each([
  [0, 0],
  [1, 511],
  [511, 1],
  [512, 0],
  [513, 511],
])('content of %d bytes is followed by %d zeros', (size, zeros) => {
  expect(padding(size)).toBe(zeros);
});
