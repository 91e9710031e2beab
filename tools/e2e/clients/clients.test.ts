import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientCases } from './each.ts';
import { Namespace } from './namespace.ts';
import {
  pushBusybox,
  type ReferenceRegistry,
  startReferenceRegistry,
} from './reference-registry.ts';

const clients = await clientCases();
const isRoot = process.getuid?.() === 0;

/** Where container programs keep state on a host, whatever they are told. */
const hostState = [
  '/dev/shm/libpod_lock',
  '/etc/cni/net.d',
  '/run/buildah',
  '/run/containerd',
  '/run/containers',
  '/run/crun',
  '/run/docker',
  '/run/docker.sock',
  '/run/libpod',
  '/run/netns',
  '/run/runc',
  '/var/cache/containers',
  '/var/lib/cni',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/docker',
];

let dir: string;
let registry: ReferenceRegistry;
let pushedDigest: string;
beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-clients-'));
  if (!isRoot) return;
  registry = await startReferenceRegistry(dir);
  pushedDigest = await pushBusybox(dir, `${registry.host}/tools/busybox:1`);
});
afterAll(async () => {
  await registry?.stop();
  rmSync(dir, { recursive: true });
});

describe.for(clients)('$name', ({ client, name, obstacle }) => {
  const busybox = '/bin/busybox';
  let clientDir: string;
  let before: HostTraces;

  beforeAll(async () => {
    if (obstacle !== null) return;
    before = hostTraces();
    clientDir = path.join(dir, name);
    mkdirSync(clientDir);
    await client.start(clientDir);
  });
  afterAll(() => client.stop());

  test.skipIf(obstacle !== null)('pulls by tag and by digest, and says what it got', async () => {
    const byTag = await client.pull(image('1'));
    expect(byTag).toMatchObject({ code: 0, digest: pushedDigest });
    const byDigest = await client.pull(image(pushedDigest));
    expect(byDigest).toMatchObject({ code: 0, digest: pushedDigest });
  });

  test.skipIf(obstacle !== null)('shows a failing pull with what the client prints', async () => {
    const result = await client.pull(image('missing'));
    expect(result.code).not.toBe(0);
    expect(result.digest).toBeUndefined();
    expect(result.output).toMatch(/not found|manifest unknown/i);
  });

  test.skipIf(obstacle !== null)('runs a program with the image’s environment', async () => {
    const result = await client.run(image('1'), [
      busybox,
      'sh',
      '-c',
      'echo $GREETING; echo no >&2; exit 3',
    ]);
    expect(result).toMatchObject({ code: 3, stdout: 'hello\n' });
    expect(result.stderr).toContain('no\n');
  });

  test.skipIf(obstacle !== null)('gives a program its input, as another user', async () => {
    const argv = [busybox, 'sh', '-c', `${busybox} cat; ${busybox} id -u`];
    const result = await client.run(image('1'), argv, { user: '1000', stdin: 'from outside\n' });
    expect(result).toMatchObject({ code: 0, stdout: 'from outside\n1000\n' });
  });

  test.skipIf(obstacle !== null)('mounts folders of the host', async () => {
    const source = path.join(dir, `${name}-mounted`);
    mkdirSync(source);
    writeFileSync(path.join(source, 'in'), 'text');
    const argv = [busybox, 'cp', '/mnt/here/in', '/mnt/here/out'];
    const mount = { source, target: '/mnt/here' };
    const result = await client.run(image('1'), argv, { mounts: [mount] });
    expect(result).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(source, 'out'), 'utf8')).toBe('text');
    const refused = await client.run(image('1'), argv, { mounts: [{ ...mount, readOnly: true }] });
    expect(refused.code).not.toBe(0);
  });

  test.skipIf(obstacle !== null)('reaches the host’s servers only where it is to', async () => {
    const argv = [busybox, 'wget', '-q', '-O', '-', `http://${registry.host}/v2/`];
    expect(await client.run(image('1'), argv, { network: 'host' })).toMatchObject({
      code: 0,
      stdout: '{}',
    });
    expect((await client.run(image('1'), argv)).code).not.toBe(0);
  });

  test.skipIf(obstacle !== null)(
    'leaves nothing behind, not even a container that runs',
    async () => {
      const running = client.run(image('1'), [busybox, 'sleep', '600']);
      await expect.poll(sleepers).toHaveLength(1);
      await client.stop();
      expect((await running).code).not.toBe(0);
      expect(processesOf(clientDir)).toEqual([]);
      expect(sleepers()).toEqual([]);
      await expect.poll(() => newTraces(before)).toEqual({ ...before, controlGroups: [] });
      rmSync(clientDir, { recursive: true });
    },
  );
});

test.skipIf(!isRoot)(
  'a client has the umask of a service, whatever that of the tests is',
  async () => {
    const namespaceDir = path.join(dir, 'umask');
    mkdirSync(namespaceDir);
    const before = process.umask(0o077);
    const namespace = await Namespace.create(namespaceDir);
    try {
      expect(await namespace.run(['sh', '-c', 'umask'])).toMatchObject({ stdout: '0022\n' });
    } finally {
      process.umask(before);
      await namespace.stop();
    }
  },
);

test.skipIf(!isRoot)(
  'a daemon ends with the test process that started it, even a killed one',
  async () => {
    const clientDir = path.join(dir, 'killed');
    mkdirSync(clientDir);
    const program = `
    import { Containerd } from ${JSON.stringify(fileURLToPath(new URL('containerd.ts', import.meta.url)))};
    await new Containerd().start(${JSON.stringify(clientDir)});
    console.log('started');
    setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    expect(processesOf(clientDir)).not.toEqual([]);
    owner.kill('SIGKILL');
    await expect.poll(() => processesOf(clientDir)).toEqual([]);
  },
);

function image(reference: string) {
  return { host: registry.host, name: 'tools/busybox', reference };
}

/** The container's process itself, not the clients that were told to run it. */
function sleepers(): string[] {
  return processesOf('/bin/busybox sleep 600').filter((line) => line.startsWith('/bin/busybox'));
}

/** Command lines that contain the text. A zombie has none. */
function processesOf(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((commandLine) => commandLine.includes(text));
}

/** What a container client could leave on the host besides processes. */
interface HostTraces {
  readonly state: readonly unknown[];
  readonly mounts: readonly string[];
  readonly controlGroups: readonly string[];
}

/** Of control groups only new ones: those of other tests, which run at the same time, come and go. */
function newTraces(before: HostTraces): HostTraces {
  const { controlGroups, ...rest } = hostTraces();
  return {
    ...rest,
    controlGroups: controlGroups.filter((group) => !before.controlGroups.includes(group)),
  };
}

function hostTraces(): HostTraces {
  const groups = [
    '/sys/fs/cgroup',
    ...list('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`),
  ];
  return {
    state: hostState.filter((file) => existsSync(file)).map((file) => [file, list(file)]),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(dir)),
    controlGroups: groups
      .flatMap((group) => list(group).map((name) => `${group}/${name}`))
      .filter((name) => /nixery-test|libpod|docker|buildah|container/.test(name))
      .filter((name) => !isOfLivingTest(name)),
  };
}

/** A client's control group outlives the first process of its namespaces only where it is left behind. */
function isOfLivingTest(group: string): boolean {
  const pid = /\/nixery-test-(\d+)/.exec(group)?.[1];
  return pid !== undefined && existsSync(`/proc/${pid}`);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
