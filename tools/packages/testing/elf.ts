/** What matters of an ELF file for finding its libraries: https://refspecs.linuxfoundation.org/elf/elf.pdf */
export interface ElfFile {
  readonly machine: 'x86_64' | 'aarch64' | 'other';
  /** The dynamic loader it asks the kernel for. */
  readonly interpreter: string | undefined;
  /** DT_NEEDED: names of libraries. */
  readonly needed: readonly string[];
  /** DT_RPATH and DT_RUNPATH, split at colons. */
  readonly runPath: readonly string[];
}

const programHeader = { load: 1, dynamic: 2, interpreter: 3 } as const;
const dynamicTag = { end: 0, needed: 1, stringTable: 5, rPath: 15, runPath: 29 } as const;
const machines: Readonly<Record<number, ElfFile['machine']>> = { 62: 'x86_64', 183: 'aarch64' };

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
}

/** Reads a program, library or object file; undefined for anything else. */
export function readElf(bytes: Buffer): ElfFile | undefined {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  // 32 bits, or the other byte order.
  if (bytes.readUInt16BE(4) !== 0x0201)
    return { machine: 'other', interpreter: undefined, needed: [], runPath: [] };
  const segments = readSegments(bytes);
  const interpreter = segments.find(({ type }) => type === programHeader.interpreter);
  const dynamic = readDynamic(bytes, segments);
  const strings = dynamic.find(([tag]) => tag === dynamicTag.stringTable)?.[1];
  const stringTable = strings === undefined ? 0 : fileOffset(segments, strings);

  function texts(...tags: readonly number[]): readonly string[] {
    return dynamic
      .filter(([tag]) => tags.includes(tag))
      .map(([, value]) => text(bytes, stringTable + Number(value)));
  }

  return {
    machine: machines[bytes.readUInt16LE(18)] ?? 'other',
    interpreter: interpreter && text(bytes, interpreter.offset),
    needed: texts(dynamicTag.needed),
    runPath: texts(dynamicTag.rPath, dynamicTag.runPath).flatMap((value) => value.split(':')),
  };
}

function readSegments(bytes: Buffer): readonly Segment[] {
  const start = Number(bytes.readBigUInt64LE(32));
  const size = bytes.readUInt16LE(54);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = start + index * size;
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: bytes.readBigUInt64LE(at + 16),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
}

function readDynamic(
  bytes: Buffer,
  segments: readonly Segment[],
): readonly (readonly [number, bigint])[] {
  const segment = segments.find(({ type }) => type === programHeader.dynamic);
  if (segment === undefined) return [];
  const entries: (readonly [number, bigint])[] = [];
  for (
    let at = segment.offset;
    at < segment.offset + segment.size && at + 16 <= bytes.length;
    at += 16
  ) {
    const tag = Number(bytes.readBigInt64LE(at));
    if (tag === dynamicTag.end) break;
    entries.push([tag, bytes.readBigUInt64LE(at + 8)]);
  }
  return entries;
}

/** Where in the file the byte is that is loaded at `address`. */
function fileOffset(segments: readonly Segment[], address: bigint): number {
  const segment = segments.find(
    (each) =>
      each.type === programHeader.load &&
      address >= each.address &&
      address < each.address + BigInt(each.size),
  );
  return segment === undefined ? 0 : segment.offset + Number(address - segment.address);
}

function text(bytes: Buffer, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start));
}
