import { type Compression, packLayer, type StorePathInfo } from '@nixery/builder/layer';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const schema = z.record(z.string(), z.int().nonnegative());

/**
 * Sizes of store paths when each is packed alone (bytes), by NAR hash. Packing takes a minute, so they are kept in the
 * folder for temporary files.
 */
export async function packedSizes(
  graph: readonly StorePathInfo[],
  compression: Compression,
): Promise<(info: StorePathInfo) => number> {
  const folder = join(tmpdir(), 'nixery-bench-sizes');
  const file = join(folder, `${compression.format}-${compression.level}.json`);
  const sizes = new Map(Object.entries(await readSizes(file)));
  const unknown = graph.filter(({ narHash }) => !sizes.has(narHash));
  if (unknown.length > 0) {
    const spool = await mkdtemp(join(tmpdir(), 'nixery-bench-spool-'));
    try {
      for (const { path, narHash } of unknown) {
        const spoolFile = join(spool, 'layer');
        const result = packLayer({ paths: [path], spoolFile, compression });
        if (!result.ok) throw new Error(`${path}: ${result.message}`);
        sizes.set(narHash, result.layer.size);
        await rm(spoolFile);
      }
    } finally {
      await rm(spool, { recursive: true });
    }
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify(Object.fromEntries(sizes)));
    await rename(`${file}.new`, file);
  }
  return ({ path, narHash }) => {
    const size = sizes.get(narHash);
    if (size === undefined) throw new Error(`never packed: ${path}`);
    return size;
  };
}

async function readSizes(file: string): Promise<z.infer<typeof schema>> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // Not there, or of another form: the sizes are measured again.
    return {};
  }
}
