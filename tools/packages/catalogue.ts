import type { Architecture } from './architecture.ts';
import type { Catalogue, Locale } from './entry.ts';

/** Terminals are described where ncurses looks without being told: `/lib/terminfo`, in the image's own tree. */
const terminfo = { 'lib/terminfo': 'usr/{lib,share}/terminfo' } as const;
/** What git and others start where they are told of no editor, and of no pager. */
const editor = (program: string) => ({ 'bin/editor': program });
/** Programs know no other place for time zones. */
const timeZones = { 'usr/share/zoneinfo': 'usr/share/zoneinfo' } as const;
/** For programs that start others by `/bin/sh`; the one of bashInteractive, so that images may hold both. */
const shell = { 'bin/sh': 'usr/bin/bash' } as const;
/** Where images that hold packages of pythonPackages or perlPackages have their modules. */
const pythonModules = { 'lib/python3/dist-packages': 'usr/lib/python3/dist-packages' } as const;
const perlModules = { 'lib/perl5': 'usr/{share/perl5,lib/*/perl5/5.*}' } as const;
const perlLicense = ['Artistic-1.0-Perl', 'GPL-1.0-or-later'] as const;

/** The attributes of the offline package set. `README.md` says how to add one. */
export const catalogue = {
  _7zz: {
    debs: ['7zip'],
    license: 'LGPL-2.1-or-later',
    pname: '7zz',
    mainProgram: '7zz',
    programs: ['usr/lib/7zip/7zz', 'usr/bin/7zz'],
  },
  bashInteractive: {
    debs: ['bash'],
    license: 'GPL-3.0-or-later',
    pname: 'bash-interactive',
    mainProgram: 'bash',
    with: ['ncurses-base'],
    links: { ...shell, ...terminfo },
  },
  bc: { debs: ['bc'], license: 'GPL-3.0-or-later' },
  binutils: { debs: ['binutils'], license: 'GPL-3.0-or-later', mainProgram: false },
  busybox: { debs: ['busybox-static'], license: 'GPL-2.0-only', script: 'busybox.sh' },
  bzip2: { debs: ['bzip2'], license: 'bzip2-1.0.6' },
  cacert: {
    debs: ['ca-certificates'],
    license: 'MPL-2.0',
    pname: 'nss-cacert',
    mainProgram: false,
    script: 'cacert.sh',
  },
  coreutils: { debs: ['coreutils'], license: 'GPL-3.0-or-later', mainProgram: false },
  cowsay: {
    debs: ['cowsay'],
    license: 'GPL-3.0-or-later',
    env: { COWPATH: '<usr/share/cowsay/cows>' },
  },
  curl: { debs: ['curl'], license: 'curl' },
  diffutils: { debs: ['diffutils'], license: 'GPL-3.0-or-later', mainProgram: 'diff' },
  dnsutils: {
    debs: ['bind9-dnsutils', 'bind9-host'],
    license: 'MPL-2.0',
    pname: 'bind',
    mainProgram: 'dig',
  },
  fd: { debs: ['fd-find'], license: ['Apache-2.0', 'MIT'], links: { 'bin/fd': 'usr/bin/fdfind' } },
  file: {
    debs: ['file'],
    license: 'BSD-2-Clause',
    env: { MAGIC: '<usr/lib/file/magic.mgc>' },
  },
  findutils: { debs: ['findutils'], license: 'GPL-3.0-or-later', mainProgram: 'find' },
  fzf: { debs: ['fzf'], license: 'MIT' },
  gawk: { debs: ['gawk'], license: 'GPL-3.0-or-later', links: { 'bin/awk': 'usr/bin/gawk' } },
  gcc: {
    debs: ['gcc', 'g++'],
    license: 'GPL-3.0-or-later',
    with: ['binutils', 'libc6-dev'],
    programs: ['usr/bin/cpp', 'usr/bin/gcc', 'usr/bin/g++'],
    links: {
      'bin/cc': 'usr/bin/gcc',
      'bin/c++': 'usr/bin/g++',
      'bin/ar': 'usr/bin/ar',
      'bin/as': 'usr/bin/as',
      'bin/ld': 'usr/bin/ld',
      'bin/nm': 'usr/bin/nm',
      'bin/objcopy': 'usr/bin/objcopy',
      'bin/objdump': 'usr/bin/objdump',
      'bin/ranlib': 'usr/bin/ranlib',
      'bin/readelf': 'usr/bin/readelf',
      'bin/strip': 'usr/bin/strip',
    },
    tree: { usr: 'usr' },
    // The driver finds compiler and headers beside itself, and the programs that it links the C library.
    args: [
      '-no-canonical-prefixes',
      '--sysroot=<tree>',
      '-Wl,--dynamic-linker=<usr/lib/*/ld-linux-*.so.*>',
      '-Wl,-rpath,<tree/usr/lib/*-linux-gnu>',
    ],
  },
  getent: { debs: ['libc-bin'], license: 'LGPL-2.1-or-later', programs: ['usr/bin/getent'] },
  git: {
    debs: ['git'],
    license: 'GPL-2.0-only',
    with: ['bash', 'coreutils', 'grep', 'openssh-client', 'sed'],
    links: shell,
    env: {
      GIT_EXEC_PATH: '<usr/lib/git-core>',
      GIT_TEMPLATE_DIR: '<usr/share/git-core/templates>',
    },
  },
  gnugrep: { debs: ['grep'], license: 'GPL-3.0-or-later', mainProgram: 'grep' },
  gnumake: {
    debs: ['make'],
    license: 'GPL-3.0-or-later',
    mainProgram: 'make',
    with: ['bash'],
    links: shell,
  },
  gnupatch: { debs: ['patch'], license: 'GPL-3.0-or-later', mainProgram: 'patch' },
  gnupg: {
    debs: ['gpg', 'gpg-agent', 'gpgconf', 'gpgv'],
    license: 'GPL-3.0-or-later',
    mainProgram: 'gpg',
    // It starts its agent where Debian has it.
    links: {
      'usr/bin/gpg-agent': 'usr/bin/gpg-agent',
      'usr/bin/gpg-connect-agent': 'usr/bin/gpg-connect-agent',
      'usr/bin/gpgconf': 'usr/bin/gpgconf',
    },
  },
  gnused: { debs: ['sed'], license: 'GPL-3.0-or-later', mainProgram: 'sed' },
  gnutar: { debs: ['tar'], license: 'GPL-3.0-or-later', mainProgram: 'tar' },
  gzip: { debs: ['gzip'], license: 'GPL-3.0-or-later' },
  hello: { debs: ['hello'], license: 'GPL-3.0-or-later' },
  htop: { debs: ['htop'], license: 'GPL-2.0-or-later', with: ['ncurses-base'], links: terminfo },
  'iana-etc': { debs: ['netbase'], license: 'CC0-1.0', mainProgram: false, script: 'iana-etc.sh' },
  iana_etc: { renamedTo: 'iana-etc' },
  iproute2: { debs: ['iproute2'], license: 'GPL-2.0-or-later', mainProgram: 'ip' },
  iputils: { debs: ['iputils-ping'], license: 'BSD-3-Clause', mainProgram: 'ping' },
  jq: { debs: ['jq'], license: 'MIT' },
  less: {
    debs: ['less'],
    license: 'GPL-3.0-or-later',
    with: ['ncurses-base'],
    links: { 'bin/pager': 'usr/bin/less', ...terminfo },
  },
  lsof: { debs: ['lsof'], license: 'lsof' },
  lua5_4: {
    debs: ['lua5.4'],
    license: 'MIT',
    mainProgram: 'lua',
    links: { 'bin/lua': 'usr/bin/lua5.4' },
  },
  moreutils: { debs: ['moreutils'], license: 'GPL-2.0-or-later', mainProgram: false },
  nano: {
    debs: ['nano'],
    license: 'GPL-3.0-or-later',
    with: ['ncurses-base'],
    links: { ...editor('usr/bin/nano'), ...terminfo },
  },
  netcat: {
    debs: ['netcat-openbsd'],
    license: 'BSD-3-Clause',
    mainProgram: 'nc',
    links: { 'bin/nc': 'usr/bin/nc.openbsd' },
  },
  nginx: {
    debs: ['nginx'],
    license: 'BSD-2-Clause',
    files: { 'etc/nginx/nginx.conf': 'nginx.conf' },
    links: {
      'etc/nginx/fastcgi_params': 'etc/nginx/fastcgi_params',
      'etc/nginx/mime.types': 'etc/nginx/mime.types',
      'etc/nginx/proxy_params': 'etc/nginx/proxy_params',
    },
    args: ['-e', 'stderr', '-c', '<out>/etc/nginx/nginx.conf'],
    // A configuration of the user's that names no logs and no temporary folders wants them here.
    union: { 'var/lib/': 'var/lib/nginx', 'var/log/': 'var/log/nginx' },
  },
  nix: { debs: ['nix-bin'], license: 'LGPL-2.1-or-later' },
  nodejs: {
    debs: ['nodejs', 'npm'],
    license: 'MIT',
    mainProgram: 'node',
    programs: ['usr/bin/{node,npm,npx}'],
    // It finds Debian's modules, which npm is made of, from where its program is.
    tree: { 'usr/bin/': 'usr/bin/node', 'usr/share/nodejs': 'usr/share/nodejs' },
    union: { 'usr/share/nodejs': 'usr/share/nodejs' },
  },
  'nodejs-slim': {
    debs: ['nodejs'],
    license: 'MIT',
    mainProgram: 'node',
    union: { 'usr/share/nodejs': 'usr/share/nodejs' },
  },
  openssh: {
    debs: ['openssh-client', 'openssh-server'],
    license: 'BSD-2-Clause',
    mainProgram: 'ssh',
    links: { 'usr/bin/ssh': 'usr/bin/ssh', 'usr/lib/openssh': 'usr/lib/openssh' },
  },
  openssl: {
    debs: ['openssl'],
    license: 'Apache-2.0',
    env: {
      OPENSSL_CONF: '<usr/lib/ssl/openssl.cnf>',
      OPENSSL_MODULES: '<usr/lib/*/ossl-modules>',
    },
  },
  patchelf: { debs: ['patchelf'], license: 'GPL-3.0-or-later' },
  perl: { debs: ['perl', 'perl-base'], license: perlLicense },
  'perlPackages.JSON': {
    debs: ['libjson-perl'],
    license: perlLicense,
    pname: 'perl-JSON',
    mainProgram: false,
    union: perlModules,
  },
  'perlPackages.TimeDate': {
    debs: ['libtimedate-perl'],
    license: perlLicense,
    pname: 'perl-TimeDate',
    mainProgram: false,
    union: perlModules,
  },
  'pkg-config': {
    debs: ['pkgconf'],
    license: 'ISC',
    links: { 'bin/pkg-config': 'usr/bin/pkgconf' },
  },
  postgresql: {
    debs: ['postgresql', 'postgresql-client'],
    license: 'PostgreSQL',
    mainProgram: 'postgres',
    links: timeZones,
    programs: ['usr/lib/postgresql/*/bin/*'],
  },
  procps: {
    debs: ['procps'],
    license: 'GPL-2.0-or-later',
    mainProgram: 'ps',
    with: ['ncurses-base'],
    links: terminfo,
  },
  python3: {
    debs: ['python3', 'python3-minimal', 'python3-venv'],
    license: 'PSF-2.0',
    with: ['tzdata'],
    links: { 'bin/python': 'usr/bin/python3', ...timeZones },
    // It finds its modules from where its program is, so no variable has to tell: programs that it starts would heed that as well.
    tree: { 'usr/bin/': 'usr/bin/python3.*', 'usr/lib/': 'usr/lib/python3*' },
    treeFiles: { 'usr/lib/python3/dist-packages/image.pth': 'python-image.pth' },
    union: { 'usr/share/python-wheels': 'usr/share/python-wheels' },
  },
  'python3Packages.pyyaml': {
    debs: ['python3-yaml'],
    license: 'MIT',
    mainProgram: false,
    union: pythonModules,
  },
  'python3Packages.requests': {
    debs: ['python3-requests'],
    license: 'Apache-2.0',
    mainProgram: false,
    union: pythonModules,
  },
  'qemu-user': {
    debs: ['qemu-user-static'],
    license: 'GPL-2.0-only',
    mainProgram: 'qemu-aarch64-static',
    programs: ['usr/bin/qemu-{aarch64,x86_64}-static'],
  },
  redis: {
    debs: ['redis-server', 'redis-tools'],
    license: 'BSD-3-Clause',
    mainProgram: 'redis-server',
  },
  ripgrep: { debs: ['ripgrep'], license: ['MIT', 'Unlicense'], mainProgram: 'rg' },
  rsync: { debs: ['rsync'], license: 'GPL-3.0-or-later' },
  socat: { debs: ['socat'], license: 'GPL-2.0-only' },
  sqlite: { debs: ['sqlite3'], license: 'blessing', mainProgram: 'sqlite3' },
  strace: { debs: ['strace'], license: 'LGPL-2.1-or-later' },
  // Debian's wants to become a user who is in no image.
  tcpdump: { debs: ['tcpdump'], license: 'BSD-3-Clause', args: ['-Z', 'root'] },
  tini: { debs: ['tini'], license: 'MIT' },
  tmux: {
    debs: ['tmux'],
    license: 'ISC',
    with: ['ncurses-base'],
    links: terminfo,
  },
  tree: { debs: ['tree'], license: 'GPL-2.0-or-later' },
  tzdata: {
    debs: ['tzdata'],
    license: 'LicenseRef-PublicDomain',
    mainProgram: false,
    links: { 'share/zoneinfo': 'usr/share/zoneinfo', ...timeZones },
  },
  unzip: { debs: ['unzip'], license: 'Info-ZIP' },
  'util-linux': {
    debs: ['util-linux', 'bsdextrautils', 'fdisk', 'mount'],
    license: 'GPL-2.0-or-later',
    mainProgram: false,
  },
  vim: {
    debs: ['vim'],
    license: 'Vim',
    with: ['ncurses-base'],
    links: {
      'bin/vi': 'usr/bin/vim.basic',
      'bin/vim': 'usr/bin/vim.basic',
      ...editor('usr/bin/vim.basic'),
      ...terminfo,
    },
    // Syntax files and the defaults that every start reads come from two packages.
    tree: { 'share/': 'usr/share/vim' },
    env: { VIMRUNTIME: '<tree/share/vim/vim[0-9]*>' },
  },
  wget: { debs: ['wget'], license: 'GPL-3.0-or-later' },
  which: {
    debs: ['gnu-which'],
    license: 'GPL-3.0-or-later',
    links: { 'bin/which': 'usr/bin/which.gnu' },
  },
  'xorg.xauth': { debs: ['xauth'], license: 'MIT' },
  xz: { debs: ['xz-utils'], license: 'GPL-2.0-or-later' },
  zip: { debs: ['zip'], license: 'Info-ZIP' },
  zstd: { debs: ['zstd'], license: ['BSD-3-Clause', 'GPL-2.0-only'] },

  // What nixpkgs refuses to evaluate unless it is told otherwise; here to be seen, since Debian has hardly any.
  'examples.broken': {
    debs: ['hello'],
    license: 'GPL-3.0-or-later',
    mainProgram: 'hello',
    broken: true,
  },
  'examples.insecure': {
    debs: ['hello'],
    license: 'GPL-3.0-or-later',
    mainProgram: 'hello',
    knownVulnerabilities: ['an example of a known vulnerability'],
  },
  'examples.unfree': {
    debs: ['hello'],
    license: 'LicenseRef-Unfree',
    mainProgram: 'hello',
    unfree: true,
  },
  'examples.x86Only': {
    debs: ['hello'],
    license: 'GPL-3.0-or-later',
    mainProgram: 'hello',
    platforms: ['x86_64-linux'],
  },
} satisfies Catalogue as Catalogue;

/**
 * What packages with the C library bring, where it looks for it: UTF-8 as a locale (`LANG=C.UTF-8`), and character sets.
 * nixpkgs' C library has both.
 */
export function locale({ triplet }: Architecture): Locale {
  return {
    of: 'libc6',
    deb: 'libc-bin',
    links: { [`usr/lib/${triplet}/gconv`]: 'usr/lib/*/gconv' },
  };
}

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
  // Only compile and bundle, for whom npm installs what has to be.
  'gyp',
  'libnode-dev',
  'webpack',
  'init-system-helpers',
  'install-info',
  'iproute2',
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
