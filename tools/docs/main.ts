/** Writes what is generated in the documents: `npm run docs`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GENERATED, renderDocument } from './documents.ts';
import { WORKSPACE } from './workspace.ts';

for (const [file, contents] of Object.entries(GENERATED)) {
  await writeFile(join(WORKSPACE, file), await renderDocument(file, await contents()));
}
