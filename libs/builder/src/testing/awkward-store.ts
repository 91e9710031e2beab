import { chmodSync, linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface AwkwardStoreOptions {
  /** Makes every folder's entries in the opposite order, which file systems may then list them in. */
  readonly reversed?: boolean;
  /** Files of the same content are hard links of each other, as `nix-store --optimise` leaves them. */
  readonly optimised?: boolean;
}

type Step = (dir: string) => void;

/** Only root can archive files that their owner may not read. Whether they are executable, all that counts, is no other. */
const OWNER_READS = process.getuid?.() === 0 ? 0 : 0o400;

/** The stores' names for what {@link writeAwkwardStore} writes, by what is awkward about it. */
export const AWKWARD_PATHS = {
  modes: '/nix/store/0000000000000000000000000000000a-modes',
  names: '/nix/store/0000000000000000000000000000000b-names',
  links: '/nix/store/0000000000000000000000000000000c-links',
  content: '/nix/store/0000000000000000000000000000000d-content',
  file: '/nix/store/0000000000000000000000000000000e-file',
  link: '/nix/store/0000000000000000000000000000000f-link',
} as const;

/** Writes store paths that are hard to archive into `storeDir`, which must exist. */
export function writeAwkwardStore(storeDir: string, options: AwkwardStoreOptions = {}): void {
  const trees: readonly (readonly [string, readonly Step[] | Step])[] = [
    [
      AWKWARD_PATHS.modes,
      [
        ...[0o444, 0o644, 0o600, 0o755, 0o700, 0o100, 0o011, 0o4755, 0o2644].map((mode) =>
          file(mode.toString(8), 'same content', mode),
        ),
        (dir) => {
          mkdirSync(join(dir, 'private'));
          chmodSync(join(dir, 'private'), 0o700);
        },
      ],
    ],
    [
      AWKWARD_PATHS.names,
      [
        file('grüße', 'UTF-8'),
        file(Buffer.from('caf\u00E9', 'latin1'), 'not UTF-8'),
        file('new\nline', 'control characters'),
        file(' leading and trailing ', 'spaces'),
        file('B', 'upper case comes first'),
        file('a', 'whatever the locale says'),
        file('a.b', 'before what is in a-b'),
        file('n'.repeat(100), 'with the folder, more than a name holds'),
        file('l'.repeat(255), 'as long as a name can be'),
        file(Buffer.from('\u00E9'.repeat(200), 'latin1'), 'long and not UTF-8'),
        (dir) => {
          const deep = join(dir, ...Array.from({ length: 5 }, (_, i) => String(i).repeat(200)));
          mkdirSync(deep, { recursive: true });
          file('deep', 'more than prefix and name hold')(deep);
        },
      ],
    ],
    [
      AWKWARD_PATHS.links,
      [
        link('relative', '../0000000000000000000000000000000a-modes/755'),
        link('absolute', AWKWARD_PATHS.modes),
        link('dangling', '/nowhere/at/all'),
        link('self', 'self'),
        link('long', `${'../long/'.repeat(40)}end`),
        link('raw', Buffer.from('caf\u00E9', 'latin1')),
        link('raw-long', Buffer.from('\u00E9'.repeat(120), 'latin1')),
      ],
    ],
    [
      AWKWARD_PATHS.content,
      [
        file('empty', ''),
        file('block', 'x'.repeat(512)),
        file('block-and-one', 'x'.repeat(513)),
        (dir) => {
          file('sparse', '')(dir);
          truncateSync(join(dir, 'sparse'), 3 * 1024 * 1024 + 1);
        },
        twin('twin-a', 'twin-b', options.optimised ?? false),
        (dir) => mkdirSync(join(dir, 'empty-folder')),
        (dir) => mkdirSync(join(dir, 'nested', 'empty'), { recursive: true }),
      ],
    ],
    [AWKWARD_PATHS.file, (path) => writeFileSync(path, 'a store path that is a file')],
    [AWKWARD_PATHS.link, (path) => symlinkSync('0000000000000000000000000000000e-file', path)],
  ];
  for (const [path, steps] of inOrder(trees, options)) {
    const source = join(storeDir, basename(path));
    if (typeof steps === 'function') {
      steps(source);
      continue;
    }
    mkdirSync(source);
    for (const step of inOrder(steps, options)) step(source);
  }
}

function inOrder<T>(items: readonly T[], { reversed = false }: AwkwardStoreOptions): readonly T[] {
  return reversed ? items.toReversed() : items;
}

function file(name: string | Buffer, content: string, mode?: number): Step {
  return (dir) => {
    const path = inside(dir, name);
    writeFileSync(path, content);
    if (mode !== undefined) chmodSync(path, mode | OWNER_READS);
  };
}

function link(name: string, target: string | Buffer): Step {
  return (dir) => symlinkSync(target, join(dir, name));
}

function twin(first: string, second: string, linked: boolean): Step {
  return (dir) => {
    file(first, 'the same twice')(dir);
    if (linked) linkSync(join(dir, first), join(dir, second));
    else file(second, 'the same twice')(dir);
  };
}

function inside(dir: string, name: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(name)]);
}
