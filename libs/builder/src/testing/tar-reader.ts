import assert from 'node:assert/strict';

/** A member of an archive as it is written there; paths and targets one character a byte. */
export interface TarMember {
  readonly type: 'file' | 'directory' | 'symlink';
  readonly path: string;
  readonly mode: number;
  /** In bytes. */
  readonly size: number;
  /** In seconds. */
  readonly mtime: number;
  readonly owner: string;
  readonly target: string;
  readonly content: Buffer;
  /** Records of the extended header, where there is one. */
  readonly pax: Readonly<Record<string, string>>;
}

const TYPES: ReadonlyMap<string, TarMember['type']> = new Map([
  ['0', 'file'],
  ['2', 'symlink'],
  ['5', 'directory'],
]);

/**
 * Reads an archive without sharing a line with what writes it. Fails on anything a strict reader would fail on: wrong
 * checksums, padding that is not zero, an end that is not two zero blocks.
 */
export function readTar(bytes: Buffer): TarMember[] {
  const members: TarMember[] = [];
  let pax: Record<string, string> = {};
  let offset = 0;
  while (bytes[offset] !== 0) {
    const header = bytes.subarray(offset, offset + 512);
    assert.equal(header.length, 512, 'the archive is cut off');
    assert.equal(octal(header, 148, 8), checksum(header), 'wrong checksum');
    assert.equal(text(header, 257, 8), 'ustar');
    const size = 'size' in pax ? Number(pax['size']) : octal(header, 124, 12);
    const start = offset + 512;
    const end = start + size;
    offset = start + Math.ceil(size / 512) * 512;
    assert.ok(
      bytes.subarray(end, offset).every((byte) => byte === 0),
      'padding that is not zero',
    );
    const content = bytes.subarray(start, end);
    const flag = text(header, 156, 1);
    if (flag === 'x') {
      pax = readPax(content);
      continue;
    }
    const type = TYPES.get(flag);
    assert.ok(type, `unexpected type ${flag}`);
    const prefix = text(header, 345, 155);
    const name = `${prefix}${prefix === '' ? '' : '/'}${text(header, 0, 100)}`;
    members.push({
      type,
      path: pax['path'] ?? name,
      mode: octal(header, 100, 8),
      size,
      mtime: octal(header, 136, 12),
      owner: `${octal(header, 108, 8)}:${octal(header, 116, 8)}${text(header, 265, 64)}`,
      target: pax['linkpath'] ?? text(header, 157, 100),
      content,
      pax,
    });
    pax = {};
  }
  assert.equal(bytes.length - offset, 1024, 'an end that is not two blocks');
  assert.ok(
    bytes.subarray(offset).every((byte) => byte === 0),
    'an end that is not zero',
  );
  return members;
}

function readPax(content: Buffer): Record<string, string> {
  const records: Record<string, string> = {};
  let rest = content.toString('latin1');
  while (rest !== '') {
    const length = Number.parseInt(rest, 10);
    const record = rest.slice(rest.indexOf(' ') + 1, length);
    assert.ok(record.endsWith('\n'), 'a record that does not end where it says');
    const separator = record.indexOf('=');
    records[record.slice(0, separator)] = record.slice(separator + 1, -1);
    rest = rest.slice(length);
  }
  return records;
}

function text(header: Buffer, offset: number, length: number): string {
  return header.toString('latin1', offset, offset + length).replace(/\0.*$/s, '');
}

function octal(header: Buffer, offset: number, length: number): number {
  const field = text(header, offset, length).trim();
  assert.match(field, /^[0-7]+$/);
  return Number.parseInt(field, 8);
}

function checksum(header: Buffer): number {
  return header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);
}
