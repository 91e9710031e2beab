import { describe, expect, test } from 'vitest';
import { chooseCommand, composeConfig, describePaths, type ImageConfigInput } from './config.ts';

const A = `sha256:${'a'.repeat(64)}` as const;
const B = `sha256:${'b'.repeat(64)}` as const;

const input: ImageConfigInput = {
  architecture: 'amd64',
  layers: [
    { diffId: B, createdBy: 'nix glibc-2.40' },
    { diffId: A, createdBy: 'nix links' },
  ],
  command: ['/bin/bash'],
  hasCaBundle: true,
};

function path(name: string): string {
  return `/nix/store/${'0'.repeat(32)}-${name}`;
}

describe('composeConfig', () => {
  test('writes what the image spec asks for, in bytes that do not change', () => {
    const document = composeConfig(input);
    expect(JSON.parse(document.bytes.toString())).toEqual({
      architecture: 'amd64',
      os: 'linux',
      created: '1970-01-01T00:00:01Z',
      config: {
        Cmd: ['/bin/bash'],
        Env: [
          'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          'SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt',
        ],
      },
      rootfs: { type: 'layers', diff_ids: [B, A] },
      history: [
        { created: '1970-01-01T00:00:01Z', created_by: 'nix glibc-2.40' },
        { created: '1970-01-01T00:00:01Z', created_by: 'nix links' },
      ],
    });
    expect(document.digest).toBe(
      'sha256:e49ade3935f17073c29f950360309d2febe1a28e608d273b62ca5e79a1aab99e',
    );
    expect(document.mediaType).toBe('application/vnd.oci.image.config.v1+json');
  });

  test('names no CA bundle where there is none, and no command', () => {
    const { bytes } = composeConfig({ ...input, command: undefined, hasCaBundle: false });
    expect(JSON.parse(bytes.toString()).config).toEqual({
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    });
  });

  test('leaves out the variant of arm64', () => {
    const { bytes } = composeConfig({ ...input, architecture: 'arm64' });
    const config: unknown = JSON.parse(bytes.toString());
    expect(config).toMatchObject({ architecture: 'arm64' });
    expect(config).not.toHaveProperty('variant');
  });
});

describe('chooseCommand', () => {
  test.each([
    ['bash where there is one', ['bash', 'git'], ['git'], ['/bin/bash']],
    ['the main program', ['git', 'scalar'], ['git'], ['/bin/git']],
    ['the first main program that is there', ['jq'], ['git', 'jq'], ['/bin/jq']],
    ['nothing where nothing is there', ['x'], ['git'], undefined],
  ])('takes %s', (_, binaries, mainPrograms, command) => {
    expect(chooseCommand(binaries, mainPrograms)).toEqual(command);
  });
});

describe('describePaths', () => {
  test('names the packages without their hashes, sorted', () => {
    expect(describePaths([path('jq-1.7'), path('glibc-2.40')])).toBe('nix glibc-2.40 jq-1.7');
  });

  test('counts those that are too many to name', () => {
    expect(describePaths(['f', 'e', 'd', 'c', 'b', 'a'].map(path))).toBe('nix a b c d and 2 more');
  });
});
