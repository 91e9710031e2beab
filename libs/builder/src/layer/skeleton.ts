import { directory, type TreeDirectory, type TreeNode } from './tree.ts';

/** Changes whenever the same packages make another symlink layer. It is part of every key that an image is found by. */
export const SYMLINK_LAYER_VERSION = 3;

/** Users by number need no entry; `nobody` is who daemons drop to. */
const PASSWD = `root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
`;

/** `nogroup` is what Debian's programs know nobody's group as: nginx asks for it where its configuration names no user. */
const GROUP = `root:x:0:
nobody:x:65534:
nogroup:x:65534:
`;

/** Without it glibc never looks at /etc/hosts, where runtimes write the container's own name. */
const NSSWITCH = `passwd: files
group: files
hosts: files dns
`;

/**
 * What every image has, whatever is in it. Directories here are real in the image, never links into the store:
 * runtimes write into them (/etc/resolv.conf, /etc/hosts), mount over them, or let the user do so. The files in /etc
 * are regular ones because podman adds a line to them for `--user`.
 */
export function createSkeleton(): TreeDirectory {
  return directory(0o755, {
    dev: directory(0o755),
    etc: directory(0o755, {
      group: file(GROUP),
      'nsswitch.conf': file(NSSWITCH),
      passwd: file(PASSWD),
      ssl: directory(0o755, { certs: directory(0o755) }),
    }),
    proc: directory(0o755),
    root: directory(0o700),
    run: directory(0o755),
    sys: directory(0o755),
    tmp: directory(0o1777),
    usr: directory(0o755, { bin: directory(0o755) }),
    var: directory(0o755, { tmp: directory(0o1777) }),
  });
}

function file(content: string): TreeNode {
  return { type: 'file', mode: 0o644, content: Buffer.from(content) };
}

/**
 * Names at the root of a package that are not the image's: the store itself, what runtimes mount over, and Nix's
 * bookkeeping for builds (nixpkgs: pkgs/stdenv/generic/setup.sh).
 */
export const NOT_LINKED: ReadonlySet<string> = new Set([
  'dev',
  'nix',
  'nix-support',
  'proc',
  'propagated-build-inputs',
  'propagated-native-build-inputs',
  'propagated-user-env-packages',
  'sys',
]);

/** Below these, programs and runtimes make files of their own: directories there are never links into the store. */
export const REAL_TREES: ReadonlySet<string> = new Set(['etc', 'root', 'run', 'tmp', 'var']);

/** nixpkgs' cacert puts the bundle here. */
export const CA_BUNDLE = 'etc/ssl/certs/ca-bundle.crt';

/** Where programs of other distributions look for it: Debian and Alpine, Fedora, OpenBSD and older Alpine. */
export const CA_BUNDLE_ALIASES: readonly string[] = [
  'etc/ssl/certs/ca-certificates.crt',
  'etc/pki/tls/certs/ca-bundle.crt',
  'etc/ssl/cert.pem',
];
