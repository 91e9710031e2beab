import type { Catalogue } from './entry.ts';

/** Terminals are described where ncurses looks without being told: `/lib/terminfo`, in the image's own tree. */
const terminfo = { 'lib/terminfo': 'usr/{lib,share}/terminfo' } as const;
/** For programs that start others by `/bin/sh`; the one of bashInteractive, so that images may hold both. */
const shell = { 'bin/sh': 'usr/bin/bash' } as const;

/** The attributes of the offline package set. `README.md` says how to add one. */
export const catalogue = {
  bashInteractive: {
    debs: ['bash'],
    license: 'GPL-3.0-or-later',
    pname: 'bash-interactive',
    mainProgram: 'bash',
    with: ['ncurses-base'],
    links: { ...shell, ...terminfo },
  },
  cacert: {
    debs: ['ca-certificates'],
    license: 'MPL-2.0',
    pname: 'nss-cacert',
    script: 'cacert.sh',
  },
  coreutils: { debs: ['coreutils'], license: 'GPL-3.0-or-later' },
  curl: { debs: ['curl'], license: 'curl' },
  git: {
    debs: ['git'],
    license: 'GPL-2.0-only',
    with: ['bash', 'coreutils', 'grep', 'openssh-client', 'sed'],
    links: shell,
    env: { GIT_EXEC_PATH: 'usr/lib/git-core', GIT_TEMPLATE_DIR: 'usr/share/git-core/templates' },
  },
  hello: { debs: ['hello'], license: 'GPL-3.0-or-later' },
  'iana-etc': { debs: ['netbase'], license: 'CC0-1.0', script: 'iana-etc.sh' },
  jq: { debs: ['jq'], license: 'MIT' },
  moreutils: { debs: ['moreutils'], license: 'GPL-2.0-or-later' },
  nano: { debs: ['nano'], license: 'GPL-3.0-or-later', with: ['ncurses-base'], links: terminfo },
} satisfies Catalogue as Catalogue;

/** Debian packages that scripts expect without depending on them: they are essential in Debian. */
export const interpreters = ['bash', 'dash', 'perl-base'] as const;

/** What unpacks and patches packages on the building machine. */
export const bootstrapDebs = {
  shell: 'busybox-static',
  tools: ['libc6', 'libgcc-s1', 'libstdc++6', 'patchelf'],
} as const;

/** Only serve dpkg's installation, or a running system's services; a package in the Nix store has no use for them. */
export const ignoredDepends: ReadonlySet<string> = new Set([
  'adduser',
  'base-files',
  'base-passwd',
  'debconf',
  'debconf-2.0',
  'debianutils',
  'default-logind',
  'dpkg',
  'init-system-helpers',
  'install-info',
  'logind',
  'lsb-base',
  'passwd',
  'sensible-utils',
  'systemd',
  'systemd-sysv',
  'sysvinit-utils',
  'ucf',
  'update-inetd',
]);
