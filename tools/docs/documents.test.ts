import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GENERATED, renderDocument, WORKSPACE } from './documents.ts';

test.each(Object.entries(GENERATED))(
  '%s is what the code says; if not, npm run docs',
  async (file, contents) => {
    expect(await readFile(join(WORKSPACE, file), 'utf8')).toBe(
      await renderDocument(file, contents()),
    );
  },
);
