import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { preparedSet } from '../packages/testing/nix.ts';
import type { CommandResult, ImageReference, RunOptions } from './clients/client.ts';
import { clientCases } from './clients/each.ts';
import { freePort } from './port.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const NAME = 'shell/git/curl/jq';

let dir: string;
let registry: RegistryServer;
let digest: string;
let repository: string;
let web: Server;
let webUrl: string;

function image(): ImageReference {
  return { host: registry.host, name: NAME, reference: 'latest' };
}

function git(...args: readonly string[]): void {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost'];
  const settings = ['-c', 'init.defaultBranch=main', '-c', 'commit.gpgsign=false'];
  execFileSync('git', ['-C', repository, ...identity, ...settings, ...args], { stdio: 'pipe' });
}

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-pull-'));
  registry = await startRegistry(dir, { NIXERY_PKGS_PATH: await preparedSet() });
  const response = await fetch(`${registry.url}/v2/${NAME}/manifests/latest`);
  digest = response.headers.get('docker-content-digest') ?? `none: ${await response.text()}`;

  repository = path.join(dir, 'repository');
  mkdirSync(repository);
  git('init', '--quiet');
  writeFileSync(path.join(repository, 'data.json'), '{"from": "the repository"}');
  git('add', '.');
  git('commit', '--quiet', '-m', 'first');
  // git's simplest HTTP transport: any file server will do.
  git('update-server-info');
  const root = path.join(repository, '.git');
  web = createServer((request, answer) => {
    const file = path.join(root, path.normalize(new URL(request.url ?? '', 'http://x').pathname));
    readFile(file).then(
      (bytes) => answer.end(bytes),
      () => answer.writeHead(404).end(),
    );
  });
  const port = await freePort();
  await new Promise<void>((resolve) => web.listen(port, '127.0.0.1', resolve));
  webUrl = `http://127.0.0.1:${port}/`;
});
afterAll(async () => {
  web?.closeAllConnections();
  web?.close();
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe.for(await clientCases())('$name', ({ client, name, obstacle }) => {
  beforeAll(async () => {
    if (obstacle !== null) return;
    const clientDir = path.join(dir, name);
    mkdirSync(clientDir);
    await client.start(clientDir);
  });
  afterAll(() => client.stop());

  function shell(script: string, options: RunOptions = {}): Promise<CommandResult> {
    return client.run(image(), ['/bin/bash', '-euc', script], options);
  }

  test.skipIf(obstacle !== null)('pulls the image by tag and by digest', async () => {
    expect(await client.pull(image())).toMatchObject({ code: 0, digest });
    expect(await client.pull({ ...image(), reference: digest })).toMatchObject({ code: 0, digest });
  });

  test.skipIf(obstacle !== null)('runs each of its programs', async () => {
    const versions = await shell('git --version; jq --version; curl --version; nano --version');
    expect(versions).toMatchObject({ code: 0 });
    expect(versions.stdout).toMatch(/git version .*jq-.*curl .*GNU nano/s);
    expect(await shell('echo \'{"a":[1,2]}\' | jq -c .a')).toMatchObject({
      code: 0,
      stdout: '[1,2]\n',
    });
  });

  test.skipIf(obstacle !== null)('gives an interactive shell', async () => {
    const stdin = 'echo "interactive: $-"\nexit 7\n';
    const result = await client.run(image(), ['/bin/bash', '-i'], { stdin });
    expect(result.code).toBe(7);
    expect(result.stdout).toMatch(/interactive: \S*i/);
  });

  test.skipIf(obstacle !== null)('clones a repository from a folder', async () => {
    const mounts = [{ source: repository, target: '/mnt/repository', readOnly: true }];
    const script = [
      'export HOME=/tmp',
      'git config --global safe.directory "*"',
      'git clone -q /mnt/repository /tmp/r',
      'jq -r .from /tmp/r/data.json',
    ];
    expect(await shell(script.join('; '), { mounts })).toMatchObject({
      code: 0,
      stdout: 'the repository\n',
    });
  });

  test.skipIf(obstacle !== null)('clones a repository over HTTP, and fetches a file', async () => {
    const script = [
      'export HOME=/tmp',
      `git clone -q ${webUrl} /tmp/r`,
      'jq -r .from /tmp/r/data.json',
      `curl -sS ${webUrl}HEAD`,
    ];
    expect(await shell(script.join('; '), { network: 'host' })).toMatchObject({
      code: 0,
      stdout: 'the repository\nref: refs/heads/main\n',
    });
  });

  test.skipIf(obstacle !== null)('runs as a user that is none of the image’s', async () => {
    // ctr mounts the snapshot a second time to look the user up, and overlayfs then cannot copy up for the first mount.
    const write = name === 'containerd' ? 'test -w /tmp' : 'echo > /tmp/mine; rm /tmp/mine';
    const script = `id -u; stat -c %a /tmp; ${write}`;
    expect(await shell(script, { user: '1000' })).toMatchObject({
      code: 0,
      stdout: '1000\n1777\n',
    });
  });
});
