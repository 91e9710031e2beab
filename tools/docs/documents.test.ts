import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GENERATED, renderDocument } from './documents.ts';
import { WORKSPACE } from './workspace.ts';

test.each(Object.entries(GENERATED))(
  '%s is what the code says; if not, npm run docs',
  async (file, contents) => {
    expect(await readFile(join(WORKSPACE, file), 'utf8')).toBe(
      await renderDocument(file, await contents()),
    );
  },
);
