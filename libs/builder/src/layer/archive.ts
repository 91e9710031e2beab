import { basename, join } from 'node:path';
import { TarWriter, type ByteSink } from './tar-writer.ts';
import { walkTree, withFile } from './walk.ts';

export const STORE_DIR = '/nix/store';

const STORE_PARENTS = ['nix', 'nix/store'];

/**
 * Writes store paths as a tar whose bytes depend on nothing but their content: entries in the order of their bytes,
 * the store's own modes (https://nix.dev/manual/nix/latest/store/file-system-object), no owners, no times. Files that
 * the store has made hard links of each other are written in full each: an optimised store gives the same archive.
 *
 * @param paths `/nix/store/<hash>-<name>`, in any order
 * @param storeDir the folder that holds them on this machine
 * @throws LayerError `whiteout`, `unsupported-file`, `changed`; system errors as they come
 */
export function writeStorePaths(paths: readonly string[], storeDir: string, sink: ByteSink): void {
  const writer = new TarWriter(sink);
  for (const dir of STORE_PARENTS) {
    writer.add({ type: 'directory', path: Buffer.from(dir), mode: 0o755 });
  }
  for (const name of [...new Set(paths.map((path) => basename(path)))].sort()) {
    addTree(writer, Buffer.from(join(storeDir, name)), Buffer.from(`nix/store/${name}`));
  }
  writer.end();
}

function addTree(writer: TarWriter, source: Buffer, path: Buffer): void {
  for (const entry of walkTree(source, path)) {
    switch (entry.type) {
      case 'directory':
        writer.add({ type: 'directory', path: entry.path, mode: 0o555 });
        break;
      case 'symlink':
        writer.add(entry);
        break;
      case 'file':
        withFile(entry.source, (file) => {
          writer.addFile(entry.path, file.executable ? 0o555 : 0o444, file);
        });
        break;
    }
  }
}
