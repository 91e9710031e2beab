import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { findCommand } from './workspace.mjs';

/**
 * How to see that a package is there without asking dpkg: a command, a file, or a file that is a static executable.
 *
 * @typedef {{ readonly command: string } | { readonly file: string } | { readonly staticFile: string }} Probe
 */

/**
 * @typedef {object} Requirement
 * @property {string} package Debian's name
 * @property {string} why
 * @property {Probe} probe
 * @property {boolean} [testOnly]
 * @property {boolean} [rootOnly] of use to root alone: the client needs namespaces and mounts
 * @property {readonly string[]} [units] systemd units that Debian enables at installation and that nothing here needs
 */

/** @type {readonly Requirement[]} */
export const requirements = [
  {
    package: 'nix-bin',
    why: 'Nix: builds the packages that images are made of',
    probe: { command: 'nix-instantiate' },
  },
  {
    package: 'git',
    why: 'fetches package sources',
    probe: { command: 'git' },
  },
  {
    package: 'ca-certificates',
    why: 'trust for https downloads',
    probe: { file: '/etc/ssl/certs/ca-certificates.crt' },
  },
  {
    package: 'util-linux',
    why: 'setpriv, flock: no process outlives its parent, none writes what another one does',
    probe: { command: 'setpriv' },
  },
  {
    package: 'procps',
    why: 'ps: tests look for processes left behind',
    probe: { command: 'ps' },
    testOnly: true,
  },
  {
    package: 'busybox-static',
    why: 'the one program of test packages and test images',
    probe: { staticFile: '/bin/busybox' },
    testOnly: true,
  },
  {
    package: 'nginx-light',
    why: 'reverse proxy in the end-to-end tests',
    probe: { command: 'nginx' },
    testOnly: true,
    units: ['nginx.service'],
  },
  {
    package: 'openssl',
    why: 'makes the certificates of the end-to-end tests',
    probe: { command: 'openssl' },
    testOnly: true,
  },
  {
    package: 'systemd',
    why: 'checks the units of deploy/systemd',
    probe: { command: 'systemd-analyze' },
    testOnly: true,
  },
  {
    package: 'e2fsprogs',
    why: 'mke2fs: a disk that fails below a filesystem',
    probe: { command: 'mke2fs' },
    testOnly: true,
    rootOnly: true,
  },
  {
    package: 'mount',
    why: 'mount and losetup: disks that are full or fail',
    probe: { command: 'losetup' },
    testOnly: true,
    rootOnly: true,
  },
  {
    package: 'skopeo',
    why: 'client in the end-to-end tests',
    probe: { command: 'skopeo' },
    testOnly: true,
    rootOnly: true,
  },
  {
    package: 'umoci',
    why: 'unpacks what skopeo pulled, in the end-to-end tests',
    probe: { command: 'umoci' },
    testOnly: true,
    rootOnly: true,
  },
  {
    package: 'runc',
    why: 'runs images in the end-to-end tests',
    probe: { command: 'runc' },
    testOnly: true,
    rootOnly: true,
  },
  {
    package: 'podman',
    why: 'client in the end-to-end tests',
    probe: { command: 'podman' },
    testOnly: true,
    rootOnly: true,
    units: [
      'podman.service',
      'podman.socket',
      'podman-auto-update.service',
      'podman-auto-update.timer',
      'podman-restart.service',
    ],
  },
  {
    package: 'buildah',
    why: 'client in the end-to-end tests',
    probe: { command: 'buildah' },
    testOnly: true,
    rootOnly: true,
  },
  {
    package: 'mmdebstrap',
    why: 'makes what the container image is built from, in the long tests',
    probe: { command: 'mmdebstrap' },
    testOnly: true,
    rootOnly: true,
  },
  {
    package: 'containerd',
    why: 'client in the end-to-end tests',
    probe: { command: 'containerd' },
    testOnly: true,
    rootOnly: true,
    units: ['containerd.service'],
  },
  {
    package: 'docker.io',
    why: 'client in the end-to-end tests',
    probe: { command: 'dockerd' },
    testOnly: true,
    rootOnly: true,
    units: ['docker.service', 'docker.socket'],
  },
  {
    package: 'docker-registry',
    why: "the end-to-end tests' clients are tried on it first",
    probe: { command: 'docker-registry' },
    testOnly: true,
    rootOnly: true,
    units: ['docker-registry.service'],
  },
  {
    package: 'chromium',
    why: 'looks at the pages in the end-to-end tests',
    probe: { command: 'chromium' },
    testOnly: true,
  },
];

/**
 * What a mode needs of the table and does not find.
 *
 * @param {readonly Requirement[]} table
 * @param {{ readonly test: boolean, readonly isRoot: boolean, readonly searchPath: string | undefined }} host
 * @returns {Requirement[]}
 */
export function missingRequirements(table, { test, isRoot, searchPath }) {
  return table.filter(
    (requirement) =>
      (test || requirement.testOnly !== true) &&
      (isRoot || requirement.rootOnly !== true) &&
      !isPresent(requirement.probe, searchPath),
  );
}

/**
 * @param {Probe} probe
 * @param {string | undefined} searchPath
 * @returns {boolean}
 */
function isPresent(probe, searchPath) {
  if ('command' in probe) return findCommand(probe.command, searchPath) !== undefined;
  if ('file' in probe) return existsSync(probe.file);
  return existsSync(probe.staticFile) && isStatic(probe.staticFile);
}

const elfMagic = '\u007fELF';
const programHeaderInterpreter = 3;

/**
 * Has the executable no interpreter (dynamic loader)? Debian's `busybox` and `busybox-static` share one path.
 * Reads little-endian 64-bit ELF: https://man7.org/linux/man-pages/man5/elf.5.html
 *
 * @param {string} file
 * @returns {boolean}
 */
export function isStatic(file) {
  const head = Buffer.alloc(4096);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  if (head.toString('latin1', 0, 4) !== elfMagic) return false;
  const offset = Number(head.readBigUInt64LE(0x20));
  const size = head.readUInt16LE(0x36);
  const count = head.readUInt16LE(0x38);
  if (offset + size * count > head.length) return false;
  return Array.from({ length: count }, (_, index) =>
    head.readUInt32LE(offset + index * size),
  ).every((type) => type !== programHeaderInterpreter);
}
