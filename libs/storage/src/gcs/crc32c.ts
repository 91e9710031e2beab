/**
 * CRC32C (RFC 3720, section 12.1; the polynomial 0x1EDC6F41, reflected), eight bytes a step with eight tables. Node's
 * zlib has only CRC32, and the client library's table of one byte a step takes more time than the network does.
 */
const TABLES = makeTables();

/**
 * Continues the checksum of what came before with `bytes`.
 *
 * @param earlier - the checksum so far; 0 at the start.
 */
export function crc32c(bytes: Uint8Array, earlier = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  const aligned = bytes.length - (bytes.length % 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = ~earlier;
  let index = 0;
  for (; index < aligned; index += 8) {
    const low = crc ^ view.getInt32(index, true);
    const high = view.getInt32(index + 4, true);
    crc =
      at(t7, low) ^
      at(t6, low >>> 8) ^
      at(t5, low >>> 16) ^
      at(t4, low >>> 24) ^
      at(t3, high) ^
      at(t2, high >>> 8) ^
      at(t1, high >>> 16) ^
      at(t0, high >>> 24);
  }
  for (; index < bytes.length; index += 1) {
    crc = (crc >>> 8) ^ at(t0, crc ^ view.getUint8(index));
  }
  return ~crc >>> 0;
}

/** As Cloud Storage writes it: base64 of the big-endian bytes (cloud.google.com/storage/docs/metadata#checksums). */
export function formatCrc32c(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}

function at(table: Int32Array, index: number): number {
  return table[index & 0xff] ?? 0;
}

type Tables = readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function makeTables(): Tables {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    first[byte] = crc;
  }
  function next(table: Int32Array): Int32Array {
    return table.map((crc) => (crc >>> 8) ^ at(first, crc));
  }
  const second = next(first);
  const third = next(second);
  const fourth = next(third);
  const fifth = next(fourth);
  const sixth = next(fifth);
  const seventh = next(sixth);
  return [first, second, third, fourth, fifth, sixth, seventh, next(seventh)];
}
