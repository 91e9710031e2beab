import { readFile } from 'node:fs/promises';

import { parseImageName } from '@nixery/builder';
import { describe, expect, it } from 'vitest';

import { DETOURS } from './detours.ts';
import { parsePolicy, Policy } from './policy.ts';

const NONE: ReadonlySet<string> = new Set();

function refusal(
  policy: object,
  image: string,
  { sets = NONE, user = null }: { sets?: ReadonlySet<string>; user?: string | null } = {},
): string | undefined {
  const { packages } = parseImageName(image, 'latest');
  return parsePolicy(JSON.stringify(policy), sets).rulesFor(user).refusal(packages);
}

describe('without lists', () => {
  const rules = new Policy(NONE).rulesFor(null);

  it('all packages are given', () => {
    expect(rules.hasLists).toBe(false);
    for (const name of [
      'git',
      'shell/git',
      'python3packages.requests',
      'python3.pkgs.requests',
      'arm64/pkgsite',
    ]) {
      expect(rules.refusal(parseImageName(name, 'latest').packages), name).toBeUndefined();
    }
  });

  it.for(DETOURS)('no package is given by way of %s', (set) => {
    const found = rules.refusal([`${set.toLowerCase()}.git`]);
    expect(found).toContain(`"${set.toLowerCase()}.git"`);
    expect(found).toContain(`NIXERY_ALLOW_SETS=${set}`);
    expect(rules.refusal([set.toLowerCase()])).toBeDefined();
  });

  it.for([
    'git.tests.simple',
    'git.passthru.tests.x',
    'python3packages.pkgsstatic.git',
    'pkgs.pkgs.git',
  ])('a detour counts wherever it stands: %s', (name) => {
    expect(rules.refusal([name])).toBeDefined();
  });

  it('a detour that the operator opens is open, and no other', () => {
    const opened = new Policy(new Set(['pkgsStatic'])).rulesFor(null);
    expect(opened.refusal(['pkgsstatic.busybox'])).toBeUndefined();
    expect(opened.refusal(['pkgsmusl.busybox'])).toBeDefined();
    expect(opened.refusal(['pkgsstatic.pkgsmusl.busybox'])).toBeDefined();
  });
});

describe('an allow list', () => {
  const policy = { everyone: { allow: ['shell', 'git', 'python3Packages.*'] } };

  it('gives what it names and what every image holds', () => {
    expect(refusal(policy, 'git')).toBeUndefined();
    expect(refusal(policy, 'arm64/shell/git')).toBeUndefined();
    expect(refusal(policy, 'git/python3packages.requests')).toBeUndefined();
    expect(refusal(policy, 'shell')).toBeUndefined();
  });

  it('refuses the rest, and says which', () => {
    expect(refusal(policy, 'git/htop')).toBe(
      'package "htop" is not among those that the policy of this registry allows',
    );
    expect(refusal(policy, 'git.out')).toBeDefined();
    expect(refusal(policy, 'python3packages.pkgs.htop')).toBeDefined();
  });

  it('that is empty refuses all', () => {
    expect(refusal({ everyone: { allow: [] } }, 'git')).toBeDefined();
  });
});

describe('a deny list', () => {
  const policy = { everyone: { deny: ['openssh', 'python3Packages.*', 'nmap*'] } };

  it('refuses what it names and what is below it', () => {
    expect(refusal(policy, 'openssh')).toBe(
      'package "openssh" is denied by the policy of this registry',
    );
    expect(refusal(policy, 'git/openssh.out')).toBeDefined();
    expect(refusal(policy, 'python3packages.requests')).toBeDefined();
    expect(refusal(policy, 'nmapsi4')).toBeDefined();
    expect(refusal(policy, 'git')).toBeUndefined();
  });

  it('is not walked around by way of another package\'s "pkgs"', () => {
    expect(refusal(policy, 'perl.pkgs.openssh')).toContain('NIXERY_ALLOW_SETS=pkgs');
  });

  it('holds behind detours that are open, wherever the name stands there', () => {
    const sets = new Set(['pkgsCross', 'pkgs']);
    expect(refusal(policy, 'pkgscross.riscv64.openssh', { sets })).toContain('denied');
    expect(refusal(policy, 'pkgs.openssh', { sets })).toContain('denied');
    expect(refusal(policy, 'pkgscross.riscv64.git', { sets })).toBeUndefined();
  });

  it('cannot take away what every image holds', () => {
    expect(refusal({ everyone: { deny: ['**'] } }, 'arm64')).toBeUndefined();
  });

  it('wins over an allow list', () => {
    expect(refusal({ everyone: { allow: ['**'], deny: ['git'] } }, 'git')).toContain('denied');
  });
});

describe('lists of users', () => {
  const policy = {
    everyone: { allow: ['git'], deny: ['nmap'] },
    users: { ci: { allow: ['**'] }, guest: { deny: ['git'] } },
  };

  it('come on top of those of everyone', () => {
    expect(refusal(policy, 'htop', { user: 'ci' })).toBeUndefined();
    expect(refusal(policy, 'nmap', { user: 'ci' })).toContain('denied');
    expect(refusal(policy, 'git', { user: 'guest' })).toContain('denied');
    expect(refusal(policy, 'git', { user: 'somebody' })).toBeUndefined();
    expect(refusal(policy, 'htop', { user: 'somebody' })).toContain('not among');
    expect(refusal(policy, 'htop')).toContain('not among');
  });

  it('restrict a user where nobody else is', () => {
    const onlyCi = { users: { ci: { allow: ['git'] } } };
    expect(refusal(onlyCi, 'htop', { user: 'ci' })).toContain('not among');
    expect(refusal(onlyCi, 'htop')).toBeUndefined();
  });
});

describe('a policy file', () => {
  it.for([
    ['[', 'it is not JSON'],
    ['{"everyone":{"alow":[]}}', 'everyone: Unrecognized key: "alow"'],
    [
      '{"everyone":{"deny":["a b"]},"users":{"x":{"allow":["/"]}}}',
      /everyone\.deny: "a b" is no pattern.*users\.x\.allow: "\/"/,
    ],
    ['[]', /expected object/],
  ] as const)('that cannot be used tells why: %s', ([text, message]) => {
    expect(() => parsePolicy(text, NONE)).toThrow(message);
  });
});

describe('the closed sets', () => {
  it('are listed in docs/security.md', async () => {
    const text = await readFile(new URL('../../../../docs/security.md', import.meta.url), 'utf8');
    for (const set of DETOURS) expect(text).toContain(`\`${set}\``);
  });
});
