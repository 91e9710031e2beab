import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BuildError } from './errors.ts';
import {
  canonicalName,
  META_PACKAGES,
  parseImageName,
  parsePullRequest,
  type System,
} from './image-name.ts';

const always = ['cacert', 'iana-etc'];

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof BuildError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('an image name', () => {
  it('is the set of its packages, with the CA bundle and protocol names added', () => {
    expect(parseImageName('git/htop', 'latest')).toEqual({
      packages: [...always, 'git', 'htop'].sort(),
      system: 'x86_64-linux',
      reference: 'latest',
    });
  });

  it('begins with meta-packages, in any order', () => {
    const expected = {
      packages: [...always, 'bashInteractive', 'coreutils', 'git', 'moreutils', 'nano'].sort(),
      system: 'aarch64-linux',
      reference: 'v1',
    };
    expect(parseImageName('shell/arm64/git', 'v1')).toEqual(expected);
    expect(parseImageName('arm64/shell/git', 'v1')).toEqual(expected);
  });

  it('takes meta-packages for ordinary ones after the first package', () => {
    expect(parseImageName('git/shell', 'latest').packages).toContain('shell');
  });

  it('keeps nested attributes whole', () => {
    expect(parseImageName('python3packages.requests', 'latest').packages).toContain(
      'python3packages.requests',
    );
  });

  const name = fc
    .uniqueArray(fc.stringMatching(/^[a-z0-9]{1,3}([._-][a-z0-9]{1,3})?$/), {
      minLength: 1,
      maxLength: 20,
    })
    .filter((parts) => !parts.some((part) => ['shell', 'arm64', 'amd64'].includes(part)));

  it('asks for the same image whatever the order and repetition of its packages', () => {
    fc.assert(
      fc.property(name, fc.infiniteStream(fc.nat()), (parts, random) => {
        const shuffled = [...parts, ...parts.slice(0, 3)]
          .map((part) => ({ part, key: random.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ part }) => part);
        expect(parseImageName(shuffled.join('/'), 'latest')).toEqual(
          parseImageName(parts.join('/'), 'latest'),
        );
      }),
    );
  });

  it.each([
    ['an empty part', 'shell//git'],
    ['nothing', ''],
    ['a capital letter', 'Shell/git'],
    ['a leading separator', '.git'],
    ['a trailing separator', 'git-'],
    ['two dots', 'a..b'],
    ['three underscores', 'a___b'],
    ['a space', 'a b'],
    ['a quote', 'a"b'],
    ['a dollar brace', 'a${b}'],
    ['a non-ASCII letter', 'gít'],
    ['a line feed at its end', 'git\n'],
    ['another registry in front', 'docker.io/library/nginx'],
    ['another registry by a longer name in front', 'eu.gcr.io/distroless/base'],
    ['two platforms', 'arm64/amd64/git'],
    ['more than 255 characters', `${'a'.repeat(250)}/abcde`],
    ['more than 64 packages', Array.from({ length: 65 }, (_, i) => `p${i}`).join('/')],
  ])('with %s is refused', (_what, bad) => {
    expect(codeOf(() => parseImageName(bad, 'latest'))).toBe('name-invalid');
  });

  it('with any text at all gives a request or `name-invalid`, never another error', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, tag) => {
        expect(['name-invalid', 'no error']).toContain(codeOf(() => parseImageName(name, tag)));
      }),
    );
  });
});

describe('a tag', () => {
  it.each(['latest', 'v1.2_3-x', '_', 'a'.repeat(128)])('may be %s', (tag) => {
    expect(parseImageName('git', tag).reference).toBe(tag);
  });

  it.each(['', '.a', '-a', 'a/b', 'a b', 'ä', 'a'.repeat(129), 'a\n'])('may not be %j', (tag) => {
    expect(codeOf(() => parseImageName('git', tag))).toBe('name-invalid');
  });
});

describe('an image name without a platform', () => {
  const both: readonly System[] = ['aarch64-linux', 'x86_64-linux'];

  it('is for the one platform that is served', () => {
    expect(parsePullRequest('git', 'v1', ['aarch64-linux'])).toEqual(
      parseImageName('arm64/git', 'v1'),
    );
    expect(parsePullRequest('git', 'v1', ['x86_64-linux', 'x86_64-linux'])).toEqual(
      parseImageName('git', 'v1'),
    );
  });

  it('is for all of several, in one order', () => {
    const { system: _, ...rest } = parseImageName('git', 'v1');
    const index = { ...rest, systems: ['x86_64-linux', 'aarch64-linux'] };
    expect(parsePullRequest('git', 'v1', both)).toEqual(index);
    expect(parsePullRequest('git', 'v1', both.toReversed())).toEqual(index);
  });

  it('is not one that names a platform, which stands for that alone', () => {
    expect(parsePullRequest('amd64/git', 'v1', both)).toEqual(parseImageName('amd64/git', 'v1'));
  });
});

describe('the canonical name', () => {
  it.each([
    ['git', 'git'],
    ['htop/git/htop/cacert', 'git/htop'],
    ['git/arm64', 'git/arm64'],
    ['amd64/zlib/shell', 'zlib/shell'],
    ['arm64/shell/nano/git', 'arm64/shell/git'],
    ['shell/arm64', 'arm64/shell'],
    ['amd64', 'cacert'],
    ['iana-etc/shell', 'cacert/shell'],
    ['shell/nano/shell', 'shell/cacert/shell'],
    ['git/docker.io', 'git/docker.io'],
    ['quay.io', 'cacert/quay.io'],
  ])('of %s is %s', (name, canonical) => {
    expect(canonicalName(parseImageName(name, 'latest'))).toBe(canonical);
  });

  it('is a name of the same image, whatever it is made from', () => {
    const names = ['git', 'nano', 'cacert', 'iana-etc', 'a.b', 'bashinteractive', 'docker.io'];
    const part = fc.constantFrom(...names);
    const parts = fc.array(fc.oneof(part, fc.constantFrom(...META_PACKAGES)), { minLength: 1 });
    fc.assert(
      fc.property(parts, (chosen) => {
        const name = chosen.join('/');
        fc.pre(codeOf(() => parseImageName(name, 'latest')) === 'no error');
        const request = parseImageName(name, 'latest');
        expect(parseImageName(canonicalName(request), 'latest')).toEqual(request);
        expect(canonicalName(request).length).toBeLessThan(256);
      }),
    );
  });
});
