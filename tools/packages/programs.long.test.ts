import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { hostArchitecture } from './architecture.ts';
import { canRunImages, layOutImage } from './testing/image.ts';
import type { Image } from './testing/image.ts';
import { build, preparedSet } from './testing/nix.ts';
import { programs } from './testing/programs/index.ts';

describe.skipIf(!canRunImages())('a program in an image of its own', () => {
  let set: string;

  beforeAll(async () => {
    set = await preparedSet();
    await build(set, [...new Set(programs.flatMap(({ packages }) => packages))]);
  }, 600_000);

  test.each(programs)(
    '$title',
    async ({ packages, argv, stdin = '', stdout }) => {
      await using image = await layOutImage(await build(set, [...packages, 'cacert', 'iana-etc']));
      for (const user of [0, 1000]) {
        const outcome = await image.run(argv, { stdin, user });
        expect(outcome.code === 0 ? '' : outcome.stderr).toBe('');
        expect({ user, ...outcome }).toMatchObject({
          stdout: expect.stringMatching(stdout),
          code: 0,
        });
      }
    },
    120_000,
  );
});

describe.skipIf(hostArchitecture().debian !== 'amd64' || !canRunImages())(
  'a program for aarch64, emulated',
  () => {
    let image: Image;

    beforeAll(async () => {
      const set = await preparedSet();
      const names = ['bashInteractive', 'curl', 'hello', 'jq', 'cacert', 'iana-etc'];
      const packages = await build(set, names, { system: 'aarch64-linux' });
      image = await layOutImage([...packages, ...(await build(set, ['qemu-user']))]);
    });

    afterAll(async () => {
      await image[Symbol.asyncDispose]();
    });

    test.each([
      { argv: ['/bin/hello'], stdout: /^Hello, world!$/m },
      { argv: ['/bin/jq', '-n', '6 * 7'], stdout: /^42$/m },
      { argv: ['/bin/bash', '-c', 'echo $MACHTYPE'], stdout: /^aarch64-/m },
      { argv: ['/bin/curl', '--version'], stdout: /aarch64.*OpenSSL/ },
    ])('runs $argv', async ({ argv, stdout }) => {
      const outcome = await image.run(['/bin/qemu-aarch64-static', ...argv]);
      expect(outcome).toMatchObject({ code: 0, stdout: expect.stringMatching(stdout) });
    });
  },
);
