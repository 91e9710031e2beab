/** A program doing something real in an image of `packages`, as root and as an ordinary user. */
export interface Program {
  readonly packages: readonly string[];
  readonly argv: readonly string[];
  readonly stdin?: string;
  readonly stdout: RegExp;
}

/** What rows that are scripts need. */
export const shell = ['bashInteractive', 'coreutils'];

export const programs: readonly Program[] = [
  {
    packages: ['_7zz'],
    argv: ['7zz', 'a', '-so', '-an', '-txz', '-si'],
    stdin: 'packed',
    stdout: /7zXZ/,
  },
  { packages: ['busybox'], argv: ['sh', '-c', 'echo b | tr b c'], stdout: /^c$/m },
  {
    packages: ['findutils', ...shell],
    argv: ['sh', '-c', 'mkdir -p /tmp/f/g && find /tmp/f -type d | xargs -n 1 basename'],
    stdout: /^f\ng\n$/,
  },
  {
    packages: ['gawk'],
    argv: ['awk', 'BEGIN { print strftime("%Y", 0, 1), 2 ** 10 }'],
    stdout: /^1970 1024$/m,
  },
  {
    packages: ['gcc', ...shell],
    argv: ['sh', '-c', 'cd $(mktemp -d) && cat > x.c && gcc -O2 -o x x.c -lm && ./x'],
    stdin:
      '#include <math.h>\n#include <stdio.h>\nint main(int c) { printf("%.1f\\n", sqrt(c + 1.25)); }\n',
    stdout: /^1\.5$/m,
  },
  { packages: ['gnugrep'], argv: ['grep', '-P', 'a(?=b)'], stdin: 'ac\nab\n', stdout: /^ab\n$/ },
  { packages: ['gnused'], argv: ['sed', '-E', 's/(.)b/\\1c/'], stdin: 'ab', stdout: /^ac$/ },
  {
    packages: ['gnutar', 'gzip', ...shell],
    argv: [
      'sh',
      '-c',
      'cd $(mktemp -d) && echo kept > a && tar czf a.tgz a && rm a && tar xzf a.tgz && cat a',
    ],
    stdout: /^kept$/m,
  },
  {
    packages: ['gzip', ...shell],
    argv: ['sh', '-c', 'echo squeezed | gzip -9 | zcat'],
    stdout: /^squeezed$/m,
  },
  { packages: ['htop'], argv: ['htop', '--version'], stdout: /^htop \d/m },
  {
    packages: ['nodejs'],
    argv: [
      'node',
      '-e',
      'const https = require("https"); import("fs").then((fs) => console.log(typeof https.get, typeof fetch, fs.existsSync("/nix/store")))',
    ],
    stdout: /^function function true$/m,
  },
  {
    packages: ['openssh', ...shell],
    argv: [
      'sh',
      '-c',
      'cd $(mktemp -d) && ssh-keygen -q -t ed25519 -N "" -f key && ssh-keygen -l -f key',
    ],
    stdout: /^256 SHA256:.*ED25519/m,
  },
  { packages: ['openssh'], argv: ['ssh', '-G', 'example.org'], stdout: /^port 22$/m },
  {
    packages: ['openssl'],
    argv: [
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'ed25519',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-subj',
      '/CN=x',
      '-days',
      '1',
    ],
    stdout: /BEGIN CERTIFICATE/,
  },
  {
    packages: ['perl'],
    argv: [
      'perl',
      '-MPOSIX=floor',
      '-MList::Util=sum',
      '-MEncode',
      '-e',
      'print floor(sum(1.5, 2.2)), encode("UTF-8", "\\x{e9}")',
    ],
    stdout: /^3é$/,
  },
  {
    packages: ['perl', 'perlPackages.JSON', 'perlPackages.TimeDate'],
    argv: [
      'perl',
      '-MJSON',
      '-MDate::Parse',
      '-e',
      'print encode_json([str2time("1970-01-02T00:00:00Z")])',
    ],
    stdout: /^\["?86400"?\]$/,
  },
  { packages: ['postgresql'], argv: ['psql', '--version'], stdout: /^psql \(PostgreSQL\) \d+/m },
  { packages: ['procps'], argv: ['ps', '-e', '-o', 'pid,comm'], stdout: /^\s+\d+ ps$/m },
  {
    packages: ['python3'],
    argv: [
      'python3',
      '-c',
      'import ctypes, json, lzma, readline, sqlite3, ssl, sys; print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0], ssl.OPENSSL_VERSION)',
    ],
    stdout: /^42 OpenSSL 3/m,
  },
  {
    packages: ['python3', 'python3Packages.requests', 'python3Packages.pyyaml'],
    argv: [
      'python3',
      '-c',
      'import requests, ssl, sqlite3, json, yaml; print(requests.get.__name__, yaml.safe_load("[1]"))',
    ],
    stdout: /^get \[1\]$/m,
  },
  {
    packages: ['ripgrep', ...shell],
    argv: ['sh', '-c', 'cd $(mktemp -d) && echo needle > hay && rg -l needle .'],
    stdout: /^\.\/hay$/m,
  },
  {
    packages: ['rsync', ...shell],
    argv: [
      'sh',
      '-c',
      'cd $(mktemp -d) && mkdir a && echo carried > a/b && rsync -a a/ c/ && cat c/b',
    ],
    stdout: /^carried$/m,
  },
  {
    packages: ['sqlite'],
    argv: ['sqlite3', ':memory:', "select json_extract('{\"a\": 5}', '$.a')"],
    stdout: /^5$/m,
  },
  { packages: ['tree'], argv: ['tree', '-L', '1', '/nix'], stdout: /store/ },
  {
    packages: ['vim', ...shell],
    argv: [
      'sh',
      '-c',
      'cd $(mktemp -d) && echo first > a.c && vim -es -u NONE -c "runtime! syntax/c.vim" -c "%s/first/second/" -c wq a.c && cat a.c',
    ],
    stdout: /^second$/m,
  },
  { packages: ['wget'], argv: ['wget', '--version'], stdout: /^GNU Wget \d.*\n\n.*\+https/m },
  { packages: ['which', ...shell], argv: ['which', 'ls'], stdout: /\/bin\/ls$/m },
  { packages: ['xorg.xauth'], argv: ['xauth', '-V'], stdout: /^\d+\.\d/m },
  {
    packages: ['redis', ...shell],
    argv: [
      'bash',
      '-c',
      'd=$(mktemp -d); redis-server --port 0 --unixsocket $d/s --dir $d > $d/log & for i in {1..100}; do redis-cli -s $d/s ping 2> /dev/null && break; sleep 0.1; done; redis-cli -s $d/s shutdown nosave',
    ],
    stdout: /^PONG$/m,
  },
  {
    packages: ['postgresql', ...shell, 'gnugrep'],
    argv: [
      'bash',
      '-c',
      'if [ $UID = 0 ]; then echo 42; exit; fi; d=$(mktemp -d); initdb -D $d/db -A trust > $d/log 2>&1 || cat $d/log; postgres -D $d/db -k $d -c listen_addresses= >> $d/log 2>&1 & for i in {1..100}; do psql -h $d -d postgres -Atc "select 6 * 7" 2> /dev/null && break; sleep 0.2; done; kill %1; wait',
    ],
    stdout: /^42$/m,
  },
];
