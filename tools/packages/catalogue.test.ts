import { expect, test } from 'vitest';

import { allAttributes } from './testing/attributes.ts';
import { programs } from './testing/programs/index.ts';

/** Certificates and tables, which rows of other programs read, and what runs the programs of another processor. */
const without = ['cacert', 'iana-etc', 'qemu-user'];

test('every package is in an image whose programs are run', () => {
  const run = new Set(programs.flatMap(({ packages }) => packages));
  expect(allAttributes.filter((attribute) => !run.has(attribute))).toEqual(without);
});
