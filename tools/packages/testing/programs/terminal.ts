import { type Program, script, shell } from './program.ts';

/** Runs a program on a terminal: waits for each text to appear, then types what belongs to it; ends as the program does. */
const session = `import fcntl, json, os, pty, signal, struct, sys, termios
argv, steps = json.loads(sys.argv[1])
signal.alarm(60)
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.environ["TERM"] = "xterm"
    os.execvp(argv[0], argv)
screen = b""
for text, keys in steps:
    while text.encode() not in screen:
        screen += os.read(terminal, 65536)
    print("saw", text)
    screen = b""
    os.write(terminal, keys.encode())
try:
    while os.read(terminal, 65536): pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))`;

interface Step {
  readonly text: string;
  readonly keys: string;
}

function onTerminal(argv: readonly string[], steps: readonly Step[]): string {
  const told = JSON.stringify([argv, steps.map(({ text, keys }) => [text, keys])]);
  return `python3 -c '${session}' '${told}'`;
}

/** Programs that draw on a terminal. */
export const terminalPrograms: readonly Program[] = [
  {
    title: 'git has what is to be written written in an editor, and shows what is long in a pager',
    packages: ['git', 'less', 'nano', 'python3', ...shell],
    argv: script(`export HOME=$PWD
git config --global user.name A
git config --global user.email a@example.org
git init -q made
cd made
${onTerminal(
  ['git', 'commit', '--allow-empty'],
  [
    { text: 'GNU nano', keys: 'written\u0013' },
    { text: 'Wrote', keys: '\u0018' },
  ],
)}
git log --format=%s
for count in $(seq 30); do git commit -q --allow-empty -m "number $count"; done
${onTerminal(['git', 'log', '--format=%s'], [{ text: '\r\n:', keys: 'q' }])}`),
    stdout: /^saw GNU nano\nsaw Wrote\n(.*\n)*written\nsaw \r\n:\n$/,
  },
  {
    title: 'htop draws a frame and ends when it is told',
    packages: ['htop', 'python3', ...shell],
    argv: script(onTerminal(['htop'], [{ text: 'Load average', keys: 'q' }])),
    stdout: /^saw Load average$/m,
  },
  {
    title: 'less shows one screen after the other',
    packages: ['less', 'python3', ...shell],
    argv: script(
      `seq 99 > file; ${onTerminal(
        ['less', 'file'],
        [
          { text: '23\r\n', keys: 'G' },
          { text: '(END)', keys: 'q' },
        ],
      )}`,
    ),
    stdout: /^saw \(END\)$/m,
  },
  {
    title: 'nano saves what is typed',
    packages: ['nano', 'python3', ...shell],
    argv: script(
      `${onTerminal(
        ['nano', 'note'],
        [
          { text: 'GNU nano', keys: 'typed\u0013' },
          { text: 'Wrote 1 line', keys: '\u0018' },
        ],
      )}; cat note`,
    ),
    stdout: /^typed$/m,
  },
  {
    title: 'tmux keeps a program that nobody looks at, and shows it to who comes',
    packages: ['tmux', 'python3', ...shell],
    argv: script(`export TMUX_TMPDIR=$PWD
tmux -f /dev/null new-session -d 'echo waiting; read -r word; echo "$word" > said'
${onTerminal(['tmux', 'attach'], [{ text: 'waiting', keys: 'typed\r' }])}
cat said`),
    stdout: /^typed$/m,
  },
  {
    title: 'vim saves what is typed',
    packages: ['vim', 'python3', ...shell],
    argv: script(
      `${onTerminal(['vim', '--clean', 'note'], [{ text: 'New', keys: 'ityped\u001B:wq\r' }])}; cat note`,
    ),
    stdout: /^typed$/m,
  },
];
