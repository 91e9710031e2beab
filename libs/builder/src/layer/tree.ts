import { TarWriter, type ByteSink } from './tar-writer.ts';
import { refuseWhiteout } from './walk.ts';

/**
 * File names and paths as one character a byte (latin1), whatever they are encoded in: as strings they can be map
 * keys, and their order is that of the bytes.
 */
export type ByteString = string;

export interface TreeDirectory {
  readonly type: 'directory';
  readonly mode: number;
  readonly children: Map<ByteString, TreeNode>;
}

/** Part of an image's file system, made here and not copied from a store. */
export type TreeNode =
  | TreeDirectory
  | { readonly type: 'file'; readonly mode: number; readonly content: Buffer }
  | { readonly type: 'symlink'; readonly target: ByteString };

export function directory(
  mode: number,
  children: Readonly<Record<ByteString, TreeNode>> = {},
): TreeDirectory {
  return { type: 'directory', mode, children: new Map(Object.entries(children)) };
}

/** What a path below `root` leads to, links not followed. */
export function lookUp(root: TreeDirectory, path: ByteString): TreeNode | undefined {
  let node: TreeNode | undefined = root;
  for (const name of path.split('/')) {
    if (node?.type !== 'directory') return undefined;
    node = node.children.get(name);
  }
  return node;
}

/** `./`: the image's root itself. https://github.com/opencontainers/image-spec/blob/main/layer.md#populate-initial-filesystem */
const ROOT = Buffer.from('.');

/**
 * Writes a tree as a tar, in the order of its bytes. `root` has an entry of its own: without one umoci leaves it as the umask
 * makes folders, which under 077 only their owner may enter.
 *
 * @throws LayerError `whiteout`
 */
export function writeTree(root: TreeDirectory, sink: ByteSink): void {
  const writer = new TarWriter(sink);
  writer.add({ type: 'directory', path: ROOT, mode: root.mode });
  writeChildren(writer, root, '');
  writer.end();
}

function writeChildren(writer: TarWriter, { children }: TreeDirectory, parent: ByteString): void {
  for (const [name, node] of [...children].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const path = Buffer.from(`${parent}${name}`, 'latin1');
    refuseWhiteout(Buffer.from(name, 'latin1'), path);
    switch (node.type) {
      case 'directory':
        writer.add({ type: 'directory', path, mode: node.mode });
        writeChildren(writer, node, `${parent}${name}/`);
        break;
      case 'file':
        writer.add(
          { type: 'file', path, mode: node.mode, size: node.content.length },
          node.content,
        );
        break;
      case 'symlink':
        writer.add({ type: 'symlink', path, target: Buffer.from(node.target, 'latin1') });
        break;
    }
  }
}
