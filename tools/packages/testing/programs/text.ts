import { type Program, script, shell } from './program.ts';

/** Programs for files and text. */
export const textPrograms: readonly Program[] = [
  {
    title: '7zz packs what it is given',
    packages: ['_7zz', ...shell],
    argv: script('echo packed > a; 7zz a -bso0 a.7z a; rm a; 7zz x -bso0 a.7z; cat a'),
    stdout: /^packed$/m,
  },
  {
    title: 'bash is a shell whose pipelines, arrays and arithmetic work',
    packages: ['bashInteractive', 'coreutils'],
    argv: script(
      'a=($(seq 9 | sort -r)); echo $((a[0] * 2)) > f; sha256sum f > sums; sha256sum --check sums; wc -c < f',
    ),
    stdout: /^f: OK\n3\n$/,
  },
  {
    title: 'bash and coreutils know UTF-8 and time zones where the user says so',
    packages: ['tzdata', ...shell],
    argv: script(`export LC_ALL=C.UTF-8 TZ=Europe/Berlin
word=é
echo \${#word}
touch é
ls --quoting-style=c
date -d @0 +%H:%M`),
    stdout: /^1\n"é"\n01:00\n$/,
  },
  {
    title: 'bc knows many digits',
    packages: ['bc'],
    argv: ['bc', '-q'],
    stdin: '2 ^ 70\n',
    stdout: /^1180591620717411303424$/m,
  },
  {
    title: 'binutils takes libraries apart',
    packages: ['binutils', ...shell],
    argv: script(
      'echo x > a; ar rcs l.a a; ar t l.a; readelf -h "$(readlink -f /bin/bash)" | head -n 1; objdump -f "$(readlink -f /bin/bash)"',
    ),
    stdout: /^a\nELF Header:\n[^]*file format elf64-/,
  },
  {
    title: 'busybox is everything in one',
    packages: ['busybox'],
    argv: [
      'sh',
      '-euc',
      'cd $(mktemp -d); echo b | tr b c > a; tar c a | gzip | tar tz; vi --help 2>&1 | grep -c Usage; awk "/c/" a',
    ],
    stdout: /^a\n1\nc\n$/,
  },
  {
    title: 'bzip2, xz and zstd compress archives for tar',
    packages: ['bzip2', 'gnutar', 'xz', 'zstd', ...shell],
    argv: script(`echo squeezed > a
for how in bzip2 xz zstd; do
  tar cf $how.tar --$how a
  tar xOf $how.tar --$how
done
zstd -q -19 a
zstdcat a.zst
xzcat xz.tar | bzip2 -9 | bzip2 --test && echo whole`),
    stdout: /^(squeezed\n){4}whole\n$/,
  },
  {
    title: 'cowsay has its cows',
    packages: ['cowsay'],
    argv: ['cowsay', '-f', 'tux', 'moo'],
    stdout: /< moo >[^]*\|o_o \|/,
  },
  {
    title: 'diffutils finds what differs, and gnupatch carries it over',
    packages: ['diffutils', 'gnupatch', ...shell],
    argv: script(`seq 9 > a
cp a c
seq 10 > b
diff -u a b > difference || patch -s c difference
cmp b c && tail -n 1 c`),
    stdout: /^10\n$/,
  },
  {
    title: 'fd finds files, and fzf those that one means',
    packages: ['fd', 'fzf', ...shell],
    argv: script('mkdir a; touch a/hay a/needle; fd --type file . | fzf --filter ndl'),
    stdout: /^a\/needle\n$/,
  },
  {
    title: 'file tells what is in one',
    packages: ['file', ...shell],
    argv: script('echo "#!/bin/sh" > a; file --brief a "$(readlink -f /bin/bash)"'),
    stdout: /^POSIX shell script.*\nELF 64-bit LSB .* dynamically linked/,
  },
  {
    title: 'findutils finds folders and runs a program for each',
    packages: ['findutils', ...shell],
    argv: script('mkdir -p f/g; touch f/h; find f -type d | sort | xargs -n 1 basename'),
    stdout: /^f\ng\n$/,
  },
  {
    title: 'gawk knows dates and powers',
    packages: ['gawk'],
    argv: ['awk', 'BEGIN { print strftime("%Y", 0, 1), 2 ** 10 }'],
    stdout: /^1970 1024$/m,
  },
  {
    title: 'gnugrep matches as Perl does',
    packages: ['gnugrep'],
    argv: ['grep', '-P', 'a(?=b)'],
    stdin: 'ac\nab\n',
    stdout: /^ab\n$/,
  },
  {
    title: 'gnumake makes what is out of date, and nothing else',
    packages: ['gnumake', ...shell],
    argv: script(`printf 'b: a\\n\\t@echo made $@ of $<\\n\\t@cp $< $@\\n' > Makefile
touch a
make
make
touch -d 1970-01-02 b
make --silent`),
    stdout: /^made b of a\nmake: 'b' is up to date\.\nmade b of a\n$/,
  },
  {
    title: 'gnupg makes a key, signs, and keeps secrets',
    packages: ['gnupg', ...shell],
    argv: script(`export GNUPGHOME=$PWD
gpg --batch --quiet --passphrase '' --quick-generate-key me@example.org 2> log
echo text | gpg --batch --quiet --sign | gpg --batch --decrypt 2> verified
[[ $(< verified) == *'Good signature'* ]]
echo secret | gpg --batch --passphrase word --pinentry-mode loopback -c > secret.gpg
gpg --batch --quiet --passphrase word --pinentry-mode loopback -d secret.gpg
gpgconf --kill gpg-agent`),
    stdout: /^text\nsecret\n$/,
  },
  {
    title: 'gnused replaces by extended expressions',
    packages: ['gnused'],
    argv: ['sed', '-E', 's/(.)b/\\1c/'],
    stdin: 'ab',
    stdout: /^ac$/,
  },
  {
    title: 'gnutar makes a compressed archive and takes it apart',
    packages: ['gnutar', 'gzip', ...shell],
    argv: script('echo kept > a; tar czf a.tgz a; rm a; tar xzf a.tgz; cat a'),
    stdout: /^kept$/m,
  },
  {
    title: 'gzip compresses, and its scripts find it',
    packages: ['gzip', ...shell],
    argv: script('echo squeezed | gzip -9 > a.gz; zcat a.gz; gzip --test --verbose a.gz 2>&1'),
    stdout: /^squeezed\n.*OK$/m,
  },
  { title: 'hello greets', packages: ['hello'], argv: ['hello'], stdout: /^Hello, world!$/m },
  {
    title: 'jq filters JSON',
    packages: ['jq'],
    argv: ['jq', '-c', '[.a[] | select(. > 1) | {b: .}] | first'],
    stdin: '{"a": [1, 2, 3]}',
    stdout: /^\{"b":2\}$/m,
  },
  {
    title: 'moreutils soaks up in C and stamps in Perl',
    packages: ['moreutils', ...shell],
    argv: script('printf "b\\na\\n" > f; sort f | sponge f; ts "%Y" < f'),
    stdout: /^2\d{3} a\n2\d{3} b\n$/,
  },
  {
    title: 'patchelf gives a program another run path',
    packages: ['patchelf', ...shell],
    argv: script(
      'cp "$(readlink -f "$(type -P patchelf)")" p; chmod u+w p; patchelf --set-rpath /a p; patchelf --print-rpath p',
    ),
    stdout: /^\/a$/m,
  },
  {
    title: 'procps lists, measures and ends processes',
    packages: ['procps', ...shell],
    argv: script(
      'ps -e -o pid,comm; free -m; top -b -n 1 | head -n 1; sleep 60 & pkill -x sleep; wait $! || echo $?',
    ),
    stdout: /^\s+\d+ ps$[^]*^Mem: [^]*^top - [^]*^143$/m,
  },
  {
    title: 'lsof lists the files that a process has open, and strace what it asks of the kernel',
    packages: ['lsof', 'strace', ...shell],
    argv: script(`echo text > file
exec 7< file
lsof -a -p $$ -d 7 -F n
strace -f -e trace=openat -o log cat file
[[ $(< log) == *'openat(AT_FDCWD, "file", O_RDONLY) = 3'* ]]`),
    stdout: /^p\d+\n(f7\n)?n\/tmp\/.*\/file\ntext\n$/,
  },
  {
    title: 'ripgrep searches a folder',
    packages: ['ripgrep', ...shell],
    argv: script('echo needle > hay; rg -l needle .'),
    stdout: /^\.\/hay$/m,
  },
  {
    title: 'rsync carries a folder over',
    packages: ['rsync', ...shell],
    argv: script(
      'mkdir -p a/d; echo old > a/b; rsync -a a/ c; echo newer > a/b; rsync -ai a/ c; cat c/b',
    ),
    stdout: /^>f\.s.* b\nnewer$/m,
  },
  {
    title: 'tree draws a folder',
    packages: ['tree', ...shell],
    argv: script('mkdir -p a/b; touch a/b/c; tree a'),
    stdout: /c\n\n2 directories, 1 file$|c\n\n3 directories, 1 file$/m,
  },
  {
    title: 'vim edits a file with syntax files of its own',
    packages: ['vim', ...shell],
    argv: script(
      'echo first > a.c; vim -es -u NONE -c "runtime! syntax/c.vim" -c "if exists(\'b:current_syntax\') | %s/first/second/ | endif" -c wq a.c; cat a.c',
    ),
    stdout: /^second$/m,
  },
  {
    title: 'tini starts a program, and ends as it does',
    packages: ['tini', ...shell],
    argv: script('code=0; tini -s -- bash -c "echo started; exit 7" || code=$?; echo $code'),
    stdout: /^started\n7\n$/,
  },
  {
    title: 'util-linux locks files and shows bytes and columns',
    packages: ['util-linux', ...shell],
    argv: script(
      'flock lock echo locked; echo ab | hexdump -C; printf "a 1\\nbb 2\\n" | column -t; setsid --wait cat /proc/self/mountinfo > /dev/null; getopt -o a -- -a b',
    ),
    stdout: /^locked\n00000000  61 62 0a[^]*\na   1\nbb  2\n -a -- 'b'\n$/,
  },
  {
    title: 'which finds a program on the PATH',
    packages: ['which', ...shell],
    argv: ['which', '--skip-dot', 'ls'],
    stdout: /\/bin\/ls$/m,
  },
  {
    title: 'zip and unzip pack folders',
    packages: ['zip', 'unzip', ...shell],
    argv: script('mkdir d; echo packed > d/a; zip -qr d.zip d; rm -r d; unzip -q d.zip; cat d/a'),
    stdout: /^packed\n$/,
  },
  {
    title: 'xauth keeps secrets for displays',
    packages: ['xorg.xauth', ...shell],
    argv: script('touch f; xauth -q -f f add host/unix:0 . 0123456789abcdef; xauth -f f list'),
    stdout: /^host\/unix:0 +MIT-MAGIC-COOKIE-1 +0123456789abcdef$/m,
  },
];
