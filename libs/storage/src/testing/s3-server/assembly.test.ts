import * as fc from 'fast-check';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Assembly } from './assembly.ts';

const SIZE = 6;
const MD5 = '0'.repeat(32);
/** Few numbers, so that parts are put again; most as long as each other. */
const put = fc.record({
  number: fc.integer({ min: 1, max: 6 }),
  size: fc.oneof({ weight: 4, arbitrary: fc.constant(SIZE) }, fc.integer({ min: 1, max: 9 })),
  fill: fc.integer({ min: 0, max: 255 }),
});

test('parts become an object in the order of their numbers, however they come and however long they are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(put, { minLength: 1 }), fc.nat(), async (puts, seed) => {
      const folder = await mkdtemp(join(tmpdir(), 'assembly-'));
      try {
        const assembly = new Assembly(folder);
        const last = new Map<number, Buffer>();
        for (const { fill, number, size } of puts) {
          const bytes = Buffer.alloc(size, fill);
          await assembly.put(number, bytes, MD5);
          last.set(number, bytes);
        }
        // An object may leave parts out.
        const numbers = [...last.keys()].filter((number) => (seed >> number) % 4 !== 0);
        const parts = numbers
          .toSorted((a, b) => a - b)
          .map((number) => last.get(number) ?? Buffer.alloc(0));
        const { file, md5, size } = await assembly.complete(numbers);
        expect(await readFile(file)).toEqual(Buffer.concat(parts));
        expect(size).toBe(Buffer.concat(parts).length);
        expect(md5).toMatch(new RegExp(`^[0-9a-f]{32}-${numbers.length}$`));
      } finally {
        await rm(folder, { recursive: true });
      }
    }),
  );
});

test('an object of a part that has not come is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'assembly-'));
  try {
    const assembly = new Assembly(folder);
    await assembly.put(1, Buffer.alloc(SIZE), MD5);
    await expect(assembly.complete([1, 2])).rejects.toThrow('part 2 was not put');
  } finally {
    await rm(folder, { recursive: true });
  }
});
