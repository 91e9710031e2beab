/**
 * CRC32C (RFC 3720, section 12.1; the polynomial 0x1EDC6F41, reflected), sixteen bytes a step with sixteen tables.
 * Node's zlib has only CRC32, and the client library's way of one byte a step takes more time than the network does.
 */
const STEP = 16;
/** Table after table; the entry of a byte in table n is its checksum after n further zero bytes. */
const TABLES = makeTables();

/**
 * Continues the checksum of what came before with `bytes`.
 *
 * @param earlier - the checksum so far; 0 at the start.
 */
export function crc32c(bytes: Uint8Array, earlier = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const steps = bytes.length - (bytes.length % STEP);
  let crc = ~earlier;
  for (let index = 0; index < steps; index += STEP) {
    const first = crc ^ view.getInt32(index, true);
    const second = view.getInt32(index + 4, true);
    const third = view.getInt32(index + 8, true);
    const fourth = view.getInt32(index + 12, true);
    crc =
      at(15, first) ^
      at(14, first >>> 8) ^
      at(13, first >>> 16) ^
      at(12, first >>> 24) ^
      at(11, second) ^
      at(10, second >>> 8) ^
      at(9, second >>> 16) ^
      at(8, second >>> 24) ^
      at(7, third) ^
      at(6, third >>> 8) ^
      at(5, third >>> 16) ^
      at(4, third >>> 24) ^
      at(3, fourth) ^
      at(2, fourth >>> 8) ^
      at(1, fourth >>> 16) ^
      at(0, fourth >>> 24);
  }
  for (let index = steps; index < bytes.length; index += 1) {
    crc = (crc >>> 8) ^ at(0, crc ^ view.getUint8(index));
  }
  return ~crc >>> 0;
}

/** As Cloud Storage writes it: base64 of the big-endian bytes (cloud.google.com/storage/docs/metadata#checksums). */
export function formatCrc32c(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}

function at(table: number, byte: number): number {
  return TABLES[(table << 8) | (byte & 0xff)] ?? 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(STEP * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let index = 256; index < tables.length; index += 1) {
    const crc = tables[index - 256] ?? 0;
    tables[index] = (crc >>> 8) ^ (tables[crc & 0xff] ?? 0);
  }
  return tables;
}
