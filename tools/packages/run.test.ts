import { readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { canRunImages, layOutImage } from './testing/image.ts';
import type { Image } from './testing/image.ts';
import { build, preparedSet } from './testing/nix.ts';

const always = ['cacert', 'iana-etc'];
let set: string;

beforeAll(async () => {
  set = await preparedSet();
});

async function imageOf(...attributes: readonly string[]): Promise<Image> {
  return await layOutImage(await build(set, [...attributes, ...always]));
}

describe.skipIf(!canRunImages())('an image of shell, curl, jq and hello', () => {
  let image: Image;

  beforeAll(async () => {
    image = await imageOf(
      'bashInteractive',
      'coreutils',
      'moreutils',
      'nano',
      'curl',
      'jq',
      'hello',
    );
  });

  afterAll(async () => {
    await image[Symbol.asyncDispose]();
  });

  test.each([
    { title: 'hello greets', argv: ['hello'], stdout: /^Hello, world!$/m },
    { title: 'jq filters', argv: ['jq', '-c', '.a'], stdin: '{"a": [1, 2]}', stdout: /^\[1,2\]$/m },
    {
      title: 'sh is bash in POSIX mode',
      argv: ['sh', '-c', 'echo $0; set -o'],
      stdout: /^sh\n[^]*posix\s+on/,
    },
    {
      title: 'a pipeline of coreutils works',
      argv: ['bash', '-c', 'seq 9 | sort -r | head -n 1'],
      stdout: /^9$/m,
    },
    {
      title: 'a program in C from moreutils runs',
      argv: ['sponge'],
      stdin: 'soaked',
      stdout: /^soaked$/,
    },
    {
      title: 'a Perl script from moreutils finds its modules',
      argv: ['ts', '%Y'],
      stdin: 'x\n',
      stdout: /^20\d\d x$/m,
    },
    { title: 'nano starts', argv: ['nano', '--version'], stdout: /GNU nano/ },
    { title: 'services have names', argv: ['cat', '/etc/services'], stdout: /^https\s+443\/tcp/m },
    { title: 'protocols have names', argv: ['cat', '/etc/protocols'], stdout: /^tcp\s+6\s/m },
  ])('$title', async ({ argv, stdin = '', stdout }) => {
    expect(await image.run(argv, { stdin })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(stdout),
    });
  });

  test('an interactive shell edits lines on a terminal it knows', async () => {
    // Readline switches bracketed paste on (2004h) only where it edits lines; script gives it a terminal.
    const argv = ['bash', '--norc', '-i'];
    const { stdout } = await image.run(argv, {
      stdin: 'echo $((6 * 7))\nexit\n',
      terminal: 'xterm',
    });
    expect(stdout).toContain('\u001B[?2004h');
    expect(stdout).toMatch(/^42\r$/m);
  });

  test('curl fetches from a server', async () => {
    await using server = await serve(async () => await Promise.resolve('fetched'));
    expect(await image.run(['curl', '-sS', server.url])).toMatchObject({
      code: 0,
      stdout: 'fetched',
    });
  });

  test('curl reads the CA bundle', async () => {
    const { stderr } = await image.run([
      'curl',
      '-sSv',
      'https://127.0.0.1:9/',
      '--connect-timeout',
      '1',
    ]);
    expect(stderr).toContain('Trying 127.0.0.1:9');
    expect(stderr).not.toContain('certificate verify locations');
    const bundle = await readFile(join(image.root, 'etc/ssl/certs/ca-bundle.crt'), 'utf8').catch(
      () => '',
    );
    expect(bundle.match(/BEGIN CERTIFICATE/g)?.length ?? 0).toBeGreaterThan(100);
  });
});

describe.skipIf(!canRunImages())('an image of git alone', () => {
  let image: Image;

  beforeAll(async () => {
    image = await imageOf('git');
    const create = [
      ['init', '--quiet', '/tmp/source'],
      [
        '-C',
        '/tmp/source',
        '-c',
        'user.name=A',
        '-c',
        'user.email=a@example.org',
        'commit',
        '-qm1',
        '--allow-empty',
      ],
      ['clone', '--quiet', '--bare', '/tmp/source', '/tmp/bare.git'],
      ['-C', '/tmp/bare.git', 'update-server-info'],
    ];
    for (const args of create) {
      const { code, stderr } = await image.run(['git', ...args]);
      if (code !== 0) throw new Error(stderr);
    }
  });

  afterAll(async () => {
    await image[Symbol.asyncDispose]();
  });

  test('clones over HTTP', async () => {
    await using server = await serve(
      async (path) => await readFile(join(image.root, 'tmp', path)).catch(() => undefined),
    );
    const clone = await image.run(['git', 'clone', `${server.url}/bare.git`, '/tmp/http']);
    expect(clone).toMatchObject({ code: 0 });
    expect(await image.run(['git', '-C', '/tmp/http', 'log', '--format=%s'])).toMatchObject({
      stdout: '1\n',
    });
  });

  test('runs its shell scripts, without a shell on the PATH', async () => {
    expect(await image.run(['git', '-C', '/tmp/source', 'submodule', 'status'])).toMatchObject({
      code: 0,
      stderr: '',
    });
  });

  test('has the shell that bashInteractive has, so that an image may hold both', async () => {
    const links = await Promise.all(
      (await build(set, ['git', 'bashInteractive'])).map(
        async (path) => await readlink(join(path, 'bin/sh')),
      ),
    );
    expect(links[0]).toMatch(/\/usr\/bin\/bash$/);
    expect(links[1]).toBe(links[0]);
  });

  test('takes its templates from the store', async () => {
    expect(await readFile(join(image.root, 'tmp/source/.git/description'), 'utf8')).toContain(
      'Unnamed repository',
    );
  });

  test('needs no PATH', async () => {
    const clone = await image.run(['/bin/git', 'clone', '/tmp/bare.git', '/tmp/local'], {
      environment: { PATH: '' },
    });
    expect(clone).toMatchObject({ code: 0 });
  });
});

interface Server extends AsyncDisposable {
  readonly url: string;
}

async function serve(
  respond: (path: string) => Promise<Buffer | string | undefined>,
): Promise<Server> {
  const server = createServer((request, response) => {
    void respond(new URL(request.url ?? '/', 'http://x').pathname).then((body) => {
      return response.writeHead(body === undefined ? 404 : 200).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
