import { CRC32C } from '@google-cloud/storage';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c, formatCrc32c } from './crc32c.ts';

test('the checksum of the digits is the well-known one (RFC 3720, B.4)', () => {
  expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283');
  expect(crc32c(Buffer.alloc(32)).toString(16)).toBe('8a9136aa');
});

test("agrees with the client library's, also when continued and unaligned", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, split) => {
    const at = split % (bytes.length + 1);
    const crc = crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)));
    const theirs = new CRC32C();
    theirs.update(Buffer.from(bytes));
    expect(formatCrc32c(crc)).toBe(theirs.toString());
  });
  fc.assert(property);
});
