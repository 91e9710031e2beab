import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { elfFilesIn, lostLibraries, outsideOf } from '../packages/testing/elf-files.ts';
import { build, preparedSet } from '../packages/testing/nix.ts';
import type { BindMount, CommandResult, ImageReference } from './clients/client.ts';
import { clientCases } from './clients/each.ts';
import { Podman } from './clients/podman.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const podman = new Podman();
const obstacle = await podman.available();
/** The kernel runs what is for its own processor. */
const emulated = process.arch !== 'arm64';

let dir: string;
let registry: RegistryServer;
let emulator: BindMount;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-arm64-'));
  const set = await preparedSet();
  registry = await startRegistry(dir, { NIXERY_PKGS_PATH: set });
  // Debian's static one, from the store: the host needs none, nor a kernel that is told of it.
  const [qemu = ''] = await build(set, ['qemu-user']);
  const program = await realpath(path.join(qemu, 'bin/qemu-aarch64-static'));
  emulator = { source: program, target: '/qemu', readOnly: true };
  if (obstacle !== null) return;
  mkdirSync(path.join(dir, 'podman'));
  await podman.start(path.join(dir, 'podman'));
});
afterAll(async () => {
  await podman.stop();
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function image(): ImageReference {
  return { host: registry.host, name: 'arm64/shell/git', reference: 'latest' };
}

/** Runs a script in the image. qemu starts one program, and the kernel the others: those the script starts through `run`. */
async function run(script: string, user: string): Promise<CommandResult> {
  const start = emulated ? ['/qemu', '/bin/bash'] : ['/bin/bash'];
  const options = { mounts: [emulator], user };
  return await podman.run(image(), [...start, '-euc', `${startThroughQemu}\n${script}`], options);
}

describe.for(await clientCases())('$name', ({ client, name, obstacle }) => {
  beforeAll(async () => {
    if (obstacle !== null) return;
    const clientDir = path.join(dir, `pull-${name}`);
    mkdirSync(clientDir);
    await client.start(clientDir);
  });
  afterAll(() => client.stop());

  test.skipIf(obstacle !== null)('pulls an image for another processor', async () => {
    const { code, output } = await client.pull(image());
    expect(code, output).toBe(0);
  });
});

describe.skipIf(obstacle !== null)('arm64/shell/git', () => {
  test('is pulled', async () => {
    expect(await podman.pull(image())).toMatchObject({ code: 0 });
  });

  test('has programs and libraries for AArch64 alone, which need nothing outside of it', async () => {
    const store = path.join(dir, 'store');
    mkdirSync(store);
    // A static program of the host's reads the image as its own programs see it.
    const copied = await podman.run(image(), ['/busybox', 'cp', '-a', '/nix/store/.', '/copied/'], {
      mounts: [
        { source: '/bin/busybox', target: '/busybox', readOnly: true },
        { source: store, target: '/copied' },
      ],
    });
    expect(copied).toMatchObject({ code: 0 });
    const closure = (await readdir(store)).map((name) => `/nix/store/${name}`);
    const files = await elfFilesIn(store);
    expect(files.length).toBeGreaterThan(200);
    expect(files.filter(({ machine }) => machine !== 'aarch64').map((file) => file.path)).toEqual(
      [],
    );
    expect(outsideOf(closure, files)).toEqual([]);
    expect(await lostLibraries(files, store)).toEqual([]);
  });

  test.each(['0', '1000'])('runs its git, as user %s', async (user) => {
    const script = `
echo $MACHTYPE
cd "$(run mktemp -d)"
export HOME=$PWD
run git --version
run git init -q work
echo text > work/file
run git -C work add file
run git -C work -c user.name=A -c user.email=a@example.org -c maintenance.auto=false commit -qm first
run git -C work log --format=%s%n%T
run git -C work show HEAD:file`;
    expect(await run(script, user)).toMatchObject({
      code: 0,
      // The tree's name is what git on any machine gives it.
      stdout: expect.stringMatching(
        /^aarch64-.*\ngit version .*\nfirst\n1233c8f882d130978246a30da75892321f13e5bb\ntext\n$/,
      ),
    });
  });
});

/**
 * Defines `run`. Wrappers, which are shell scripts, run in the emulated shell itself; what they replace it with is
 * emulated anew.
 */
const startThroughQemu = emulated
  ? `
run() (
  file=$(type -P "$1")
  shift
  read -r -n 2 magic < "$file"
  exec() { builtin exec /qemu "$@"; }
  if [ "$magic" = '#!' ]; then . "$file" "$@"; else exec "$file" "$@"; fi
)`
  : 'run() { "$@"; }';
