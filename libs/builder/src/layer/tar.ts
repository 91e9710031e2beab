import { isUtf8 } from 'node:buffer';

/**
 * The POSIX tar format, as little of it as store paths need: ustar where it fits, pax extended headers where it does
 * not. Everything that is not a function of the entry (times, owners, devices) is fixed.
 *
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13
 */

const TAR_BLOCK = 512;

/** Changes whenever the same store paths make another tar. It is part of every key that a layer is found by. */
export const TAR_VERSION = 1;

/** The Nix store's own time stamp, in seconds; 0 is taken for "no date" by some programs. */
const MTIME = 1;

/** What eleven octal digits hold: 8 GiB - 1. */
const MAX_USTAR_SIZE = 0o77777777777;

/** Paths are relative to the image's root, without `/` at either end, in raw bytes. */
export type TarEntry =
  | { readonly type: 'directory'; readonly path: Buffer; readonly mode: number }
  | {
      readonly type: 'file';
      readonly path: Buffer;
      readonly mode: number;
      /** In bytes. */
      readonly size: number;
    }
  | { readonly type: 'symlink'; readonly path: Buffer; readonly target: Buffer };

const TYPE_FLAG = { file: '0', symlink: '2', directory: '5', pax: 'x' } as const;

const NAME = { offset: 0, length: 100 };
const LINK_NAME = { offset: 157, length: 100 };
const PREFIX = { offset: 345, length: 155 };

/** The header blocks of an entry; a file's content and {@link padding} follow them. */
export function encodeHeader(entry: TarEntry): Buffer {
  const path = entry.type === 'directory' ? Buffer.concat([entry.path, SLASH]) : entry.path;
  const target = entry.type === 'symlink' ? entry.target : EMPTY;
  const size = entry.type === 'file' ? entry.size : 0;
  const split = splitPath(path);

  const records: [string, Buffer][] = [];
  if (split === undefined) records.push(['path', path]);
  if (target.length > LINK_NAME.length) records.push(['linkpath', target]);
  if (size > MAX_USTAR_SIZE) records.push(['size', Buffer.from(String(size))]);

  const header = encodeUstar({
    typeFlag: TYPE_FLAG[entry.type],
    name: split?.name ?? path.subarray(0, NAME.length),
    prefix: split?.prefix ?? EMPTY,
    linkName: target.subarray(0, LINK_NAME.length),
    mode: entry.type === 'symlink' ? 0o777 : entry.mode,
    size: size > MAX_USTAR_SIZE ? 0 : size,
  });
  return records.length === 0 ? header : Buffer.concat([encodePax(records), header]);
}

/** Zero bytes that follow `size` bytes of content. */
export function padding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/** What ends an archive. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * TAR_BLOCK);

const EMPTY = Buffer.alloc(0);
const SLASH = Buffer.from('/');

/** Where a path fits into name and prefix; undefined where it does not. */
function splitPath(path: Buffer): { name: Buffer; prefix: Buffer } | undefined {
  if (path.length <= NAME.length) return { name: path, prefix: EMPTY };
  // From the last slash that leaves a prefix short enough; the slash that ends a directory splits nothing.
  const slash = path.lastIndexOf(SLASH, Math.min(PREFIX.length, path.length - 2));
  if (slash <= 0 || path.length - slash - 1 > NAME.length) return undefined;
  return { name: path.subarray(slash + 1), prefix: path.subarray(0, slash) };
}

interface UstarFields {
  readonly typeFlag: string;
  readonly name: Buffer;
  readonly prefix: Buffer;
  readonly linkName: Buffer;
  readonly mode: number;
  readonly size: number;
}

function encodeUstar(fields: UstarFields): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  fields.name.copy(block, NAME.offset);
  writeOctal(block, 100, 8, fields.mode);
  writeOctal(block, 108, 8, 0); // uid
  writeOctal(block, 116, 8, 0); // gid
  writeOctal(block, 124, 12, fields.size);
  writeOctal(block, 136, 12, MTIME);
  block.write(fields.typeFlag, 156, 'latin1');
  fields.linkName.copy(block, LINK_NAME.offset);
  block.write('ustar\x0000', 257, 'latin1');
  writeOctal(block, 329, 8, 0); // device major
  writeOctal(block, 337, 8, 0); // device minor
  fields.prefix.copy(block, PREFIX.offset);
  writeChecksum(block);
  return block;
}

function writeOctal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
}

/** The sum of the block's bytes, with its own field counted as spaces; six digits, NUL, space. */
function writeChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

function encodePax(records: readonly (readonly [string, Buffer])[]): Buffer {
  // Values are UTF-8 unless the header says otherwise; file names are whatever bytes they are.
  const binary = records.some(([, value]) => !isUtf8(value));
  const charset: [string, Buffer][] = binary ? [['hdrcharset', Buffer.from('BINARY')]] : [];
  const body = Buffer.concat([...charset, ...records].map(([key, value]) => paxRecord(key, value)));
  const header = encodeUstar({
    typeFlag: TYPE_FLAG.pax,
    name: Buffer.from('PaxHeader'),
    prefix: EMPTY,
    linkName: EMPTY,
    mode: 0o644,
    size: body.length,
  });
  return Buffer.concat([header, body, Buffer.alloc(padding(body.length))]);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let digits = String(rest.length).length;
  while (String(rest.length + digits).length > digits) digits += 1;
  return Buffer.concat([Buffer.from(String(rest.length + digits)), rest]);
}
