import {
  constants,
  fstatSync,
  lstatSync,
  openSync,
  closeSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import { LayerError } from './error.ts';

/**
 * A file below a store path, in raw bytes: names in a store need not be UTF-8.
 *
 * `path` is relative to the image's root, `source` where the file is on this machine.
 */
export type WalkedEntry =
  | { readonly type: 'directory'; readonly path: Buffer }
  | { readonly type: 'file'; readonly path: Buffer; readonly source: Buffer }
  | { readonly type: 'symlink'; readonly path: Buffer; readonly target: Buffer };

interface FileType {
  isDirectory(): boolean;
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

const SLASH = Buffer.from('/');
const WHITEOUT = Buffer.from('.wh.');

/**
 * A tree in the order of an archive: a folder before what is in it, names in the order of their bytes whatever order
 * the file system gives them in.
 *
 * @throws LayerError `whiteout`, `unsupported-file`; system errors as they come
 */
export function* walkTree(source: Buffer, path: Buffer): Generator<WalkedEntry> {
  yield* walk(source, path, lstatSync(source));
}

function* walk(source: Buffer, path: Buffer, type: FileType): Generator<WalkedEntry> {
  if (type.isFile()) {
    yield { type: 'file', path, source };
  } else if (type.isSymbolicLink()) {
    yield { type: 'symlink', path, target: readlinkSync(source, { encoding: 'buffer' }) };
  } else if (type.isDirectory()) {
    yield { type: 'directory', path };
    const children = readdirSync(source, { encoding: 'buffer', withFileTypes: true });
    for (const child of children.sort((a, b) => Buffer.compare(a.name, b.name))) {
      const childPath = join(path, child.name);
      refuseWhiteout(child.name, childPath);
      yield* walk(join(source, child.name), childPath, child);
    }
  } else {
    const shown = path.toString();
    throw new LayerError('unsupported-file', `not a file, folder or link: /${shown}`, `/${shown}`);
  }
}

/**
 * Names that begin with `.wh.` would delete files of lower layers when a client unpacks the layer.
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts
 *
 * @throws LayerError `whiteout`
 */
export function refuseWhiteout(name: Buffer, path: Buffer): void {
  if (!name.subarray(0, WHITEOUT.length).equals(WHITEOUT)) return;
  const shown = `/${path.toString()}`;
  throw new LayerError(
    'whiteout',
    `container runtimes take this file for a whiteout: ${shown}`,
    shown,
  );
}

function join(dir: Buffer, name: Buffer): Buffer {
  return Buffer.concat([dir, SLASH, name]);
}

export interface OpenFile {
  readonly fd: number;
  /** In bytes. */
  readonly size: number;
  readonly executable: boolean;
}

/** Calls `use` with an open regular file, and closes it whatever happens. */
export function withFile(source: Buffer, use: (file: OpenFile) => void): void {
  // A link or pipe that took the file's place since the folder was read must neither be followed nor waited for.
  const fd = openSync(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    use({ fd, size: stat.size, executable: (stat.mode & constants.S_IXUSR) !== 0 });
  } finally {
    closeSync(fd);
  }
}
