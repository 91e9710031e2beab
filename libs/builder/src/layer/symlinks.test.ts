import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeReadOnlyTree } from '../testing/private-store.ts';
import { readTar } from '../testing/tar-reader.ts';
import { planSymlinkLayer, type SymlinkLayerPlan } from './symlinks.ts';
import { lookUp, writeTree } from './tree.ts';

let storeDir: string;

beforeEach(() => {
  storeDir = mkdtempSync(join(tmpdir(), 'nixery-links-'));
});

afterEach(() => removeReadOnlyTree(storeDir));

const HASH = '0'.repeat(32);

function storePath(name: string): string {
  return `/nix/store/${HASH}-${name}`;
}

/** Content by path: text is a file's, `-> target` a link's, null makes a folder. */
type Files = Readonly<Record<string, string | null>>;

function addPackage(name: string, files: Files): void {
  const root = join(storeDir, `${HASH}-${name}`);
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(content === null ? file : dirname(file), { recursive: true });
    if (content?.startsWith('-> ') === true) symlinkSync(content.slice(3), file);
    else if (content !== null) writeFileSync(file, content);
  }
}

function plan(packages: Readonly<Record<string, Files>>): SymlinkLayerPlan {
  for (const [name, files] of Object.entries(packages)) addPackage(name, files);
  return planNamed(Object.keys(packages));
}

function planNamed(names: readonly string[]): SymlinkLayerPlan {
  return planSymlinkLayer(
    names.map((name) => ({ name, path: storePath(name) })),
    storeDir,
  );
}

function entries({ root }: SymlinkLayerPlan): Map<string, string> {
  const chunks: Buffer[] = [];
  writeTree(root, (chunk) => chunks.push(Buffer.from(chunk)));
  return new Map(
    readTar(Buffer.concat(chunks)).map(({ path, type, mode, target, content }) => {
      if (type === 'symlink') return [path, `-> ${target}`];
      const octal = mode.toString(8);
      return [path, type === 'directory' ? octal : `${octal} ${content.toString()}`];
    }),
  );
}

describe('the skeleton', () => {
  test('is what an image of nothing has', () => {
    expect(Object.fromEntries(entries(plan({})))).toEqual({
      './': '755',
      'dev/': '755',
      'etc/': '755',
      'etc/group': '644 root:x:0:\nnobody:x:65534:\nnogroup:x:65534:\n',
      'etc/nsswitch.conf': '644 passwd: files\ngroup: files\nhosts: files dns\n',
      'etc/passwd':
        '644 root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
      'etc/ssl/': '755',
      'etc/ssl/certs/': '755',
      'proc/': '755',
      'root/': '700',
      'run/': '755',
      'sys/': '755',
      'tmp/': '1777',
      'usr/': '755',
      'usr/bin/': '755',
      'var/': '755',
      'var/tmp/': '1777',
    });
  });

  test('stays when packages bring the same folders, and takes in what they bring', () => {
    const links = entries(
      plan({ a: { 'usr/bin/tool': 'x', 'etc/tool.conf': 'x', 'var/tmp/kept': 'x' } }),
    );
    expect(links.get('usr/bin/')).toBe('755');
    expect(links.get('usr/bin/tool')).toBe(`-> ${storePath('a')}/usr/bin/tool`);
    expect(links.get('etc/tool.conf')).toBe(`-> ${storePath('a')}/etc/tool.conf`);
    expect(links.get('var/tmp/')).toBe('1777');
  });

  test.each(['etc/passwd', 'etc/group', 'etc/nsswitch.conf'])(
    'keeps its own %s, and says so',
    (file) => {
      const { root, collisions } = plan({ a: { [file]: 'of the package' } });
      expect(lookUp(root, file)?.type).toBe('file');
      expect(collisions).toEqual([{ path: `/${file}`, kept: 'image', dropped: ['a'] }]);
    },
  );

  test('keeps a folder where a package has a file', () => {
    const { root, collisions } = plan({ a: { tmp: 'a file' } });
    expect(lookUp(root, 'tmp')?.type).toBe('directory');
    expect(collisions).toEqual([{ path: '/tmp', kept: 'image', dropped: ['a'] }]);
  });

  test('stays real where a package links the folder elsewhere', () => {
    const links = entries(
      plan({ a: { etc: `-> ${storePath('b')}/etc` }, b: { 'etc/b.conf': 'x', 'etc/ssl': null } }),
    );
    expect(links.get('etc/')).toBe('755');
    expect(links.get('etc/b.conf')).toBe(`-> ${storePath('b')}/etc/b.conf`);
    expect(links.get('etc/ssl/')).toBe('755');
  });
});

describe('the union', () => {
  test('makes folders at the top real and links what is in them', () => {
    const links = entries(plan({ a: { 'bin/a': 'x', 'share/doc/a/README': 'x' } }));
    expect(links.get('bin/')).toBe('755');
    expect(links.get('bin/a')).toBe(`-> ${storePath('a')}/bin/a`);
    expect(links.get('share/doc')).toBe(`-> ${storePath('a')}/share/doc`);
  });

  test('makes a deeper folder real where several packages bring it, and no deeper than that', () => {
    const links = entries(
      plan({
        a: { 'share/doc/a/README': 'x', 'share/man/a.1': 'x' },
        b: { 'share/doc/b/README': 'x' },
      }),
    );
    expect(links.get('share/doc/')).toBe('755');
    expect(links.get('share/doc/a')).toBe(`-> ${storePath('a')}/share/doc/a`);
    expect(links.get('share/doc/b')).toBe(`-> ${storePath('b')}/share/doc/b`);
    expect(links.get('share/man')).toBe(`-> ${storePath('a')}/share/man`);
  });

  test.each(['etc', 'var', 'run', 'root', 'tmp'])('makes every folder below /%s real', (top) => {
    const links = entries(plan({ a: { [`${top}/deep/deeper/file`]: 'x' } }));
    expect(links.get(`${top}/deep/`)).toBe('755');
    expect(links.get(`${top}/deep/deeper/`)).toBe('755');
    expect(links.get(`${top}/deep/deeper/file`)).toMatch(/^-> .*-a\/.*\/deep\/deeper\/file$/);
  });

  test('leaves out what is not for the image', () => {
    const links = entries(
      plan({
        a: {
          'nix-support/propagated-build-inputs': 'x',
          'propagated-build-inputs': 'x',
          'nix/store/x': 'x',
          'proc/x': 'x',
          'share/nix-support/kept': 'x',
        },
      }),
    );
    const expected = new Set([...entries(planNamed([])).keys(), 'share/', 'share/nix-support']);
    expect(new Set(links.keys())).toEqual(expected);
  });

  test('follows a package that is a link to another, and takes it once', () => {
    addPackage('hello', { 'bin/hello': 'x', 'share/doc/hello': 'x' });
    symlinkSync(`${HASH}-hello`, join(storeDir, `${HASH}-alias`));
    symlinkSync(storePath('hello'), join(storeDir, `${HASH}-other`));
    const { root, collisions } = planNamed(['alias', 'hello', 'other']);
    expect(lookUp(root, 'bin/hello')).toEqual({
      type: 'symlink',
      target: `${storePath('hello')}/bin/hello`,
    });
    expect(lookUp(root, 'share/doc')?.type).toBe('symlink');
    expect(collisions).toEqual([]);
  });

  test('gets nothing from a package that is a file', () => {
    writeFileSync(join(storeDir, `${HASH}-file`), 'x');
    expect(entries(planNamed(['file']))).toEqual(entries(planNamed([])));
  });

  test('fails on a package that is not in the store', () => {
    expect(() => planNamed(['absent'])).toThrow(
      expect.objectContaining({ code: 'missing', path: storePath('absent') }),
    );
  });

  test('treats a link to a folder as a folder where it must be merged', () => {
    const links = entries(
      plan({
        a: { 'lib/real/a': 'x', 'lib/merged': '-> real' },
        b: { 'lib/merged/b': 'x' },
        c: { lib64: '-> lib', 'lib/c': 'x' },
      }),
    );
    expect(links.get('lib/merged/')).toBe('755');
    expect(links.get('lib/merged/a')).toBe(`-> ${storePath('a')}/lib/real/a`);
    expect(links.get('lib/merged/b')).toBe(`-> ${storePath('b')}/lib/merged/b`);
    expect(links.get('lib/real')).toBe(`-> ${storePath('a')}/lib/real`);
    expect(links.get('lib64/')).toBe('755');
    expect(links.get('lib64/c')).toBe(`-> ${storePath('c')}/lib/c`);
  });

  test('comes to an end where links lead in circles', () => {
    const loops = {
      'etc/up': '-> ..',
      'etc/self': '-> self',
      'share/deep/up': '-> ..',
      'share/deep/top': '-> ../..',
      'share/deep/dangling': '-> nowhere',
      'share/deep/outside': '-> ../../../..',
      again: '-> .',
    };
    const { root } = plan({ a: loops, b: loops });
    for (const path of [
      'etc/up',
      'etc/self',
      'again',
      ...['up', 'top', 'dangling', 'outside'].map((name) => `share/deep/${name}`),
    ]) {
      expect(lookUp(root, path)).toEqual({ type: 'symlink', target: `${storePath('a')}/${path}` });
    }
  });

  test('comes to an end where two packages link to each other', () => {
    const links = entries(
      plan({
        a: { 'share/x': `-> ${storePath('b')}/share`, 'share/a': 'x' },
        b: { 'share/x': `-> ${storePath('a')}/share`, 'share/b': 'x' },
      }),
    );
    expect(links.get('share/x/')).toBe('755');
    expect(links.get('share/x/a')).toBe(`-> ${storePath('a')}/share/a`);
    expect(links.get('share/x/b')).toBe(`-> ${storePath('b')}/share/b`);
    expect(links.size).toBeLessThan(100);
  });

  test('takes names that are not UTF-8', () => {
    mkdirSync(join(storeDir, `${HASH}-raw`));
    mkdirSync(join(storeDir, `${HASH}-raw`, 'bin'));
    const name = Buffer.from(`${storeDir}/${HASH}-raw/bin/caf\u00E9`, 'latin1');
    writeFileSync(name, 'x');
    const planned = planNamed(['raw']);
    expect(entries(planned).get('bin/caf\u00E9')).toBe(`-> ${storePath('raw')}/bin/caf\u00E9`);
    expect(planned.binaries).toEqual(['caf\uFFFD']);
  });

  test('refuses a whiteout', () => {
    const planned = plan({ a: { 'bin/.wh.sh': 'x' } });
    expect(() => entries(planned)).toThrow(
      expect.objectContaining({ code: 'whiteout', path: '/bin/.wh.sh' }),
    );
  });
});

describe('a collision', () => {
  test('is won by the first package, and reported', () => {
    const files = { 'bin/tool': 'x', 'share/doc/tool': 'x' };
    const { root, collisions } = plan({ first: files, second: files, third: files });
    expect(lookUp(root, 'bin/tool')).toEqual({
      type: 'symlink',
      target: `${storePath('first')}/bin/tool`,
    });
    expect(collisions).toEqual([
      { path: '/bin/tool', kept: 'first', dropped: ['second', 'third'] },
      { path: '/share/doc/tool', kept: 'first', dropped: ['second', 'third'] },
    ]);
  });

  test('of a file and a folder is won by the first package too', () => {
    const file = { 'share/x': 'a file' };
    const folder = { 'share/x/y': 'in a folder' };
    const { root, collisions } = plan({ file, folder });
    expect(lookUp(root, 'share/x')?.type).toBe('symlink');
    expect(collisions).toEqual([{ path: '/share/x', kept: 'file', dropped: ['folder'] }]);
    const other = planNamed(['folder', 'file']);
    expect(lookUp(other.root, 'share/x')).toEqual({
      type: 'symlink',
      target: `${storePath('folder')}/share/x`,
    });
    expect(other.collisions).toEqual([{ path: '/share/x', kept: 'folder', dropped: ['file'] }]);
  });

  test('is none where packages link to the same file', () => {
    const { collisions } = plan({
      a: { 'bin/tool': `-> ${storePath('c')}/bin/tool` },
      b: { 'bin/tool': `-> ${storePath('a')}/bin/tool` },
      c: { 'bin/tool': 'x' },
    });
    expect(collisions).toEqual([]);
  });

  test('is one where two links lead nowhere', () => {
    const { collisions } = plan({ a: { 'bin/x': '-> gone' }, b: { 'bin/x': '-> gone' } });
    expect(collisions).toEqual([{ path: '/bin/x', kept: 'a', dropped: ['b'] }]);
  });
});

describe('/usr/bin/env', () => {
  test('is there where a package brings env', () => {
    const { root } = plan({ coreutils: { 'bin/env': 'x' } });
    expect(lookUp(root, 'usr/bin/env')).toEqual({
      type: 'symlink',
      target: `${storePath('coreutils')}/bin/env`,
    });
  });

  test('is not, where none does', () => {
    expect(lookUp(plan({ a: { 'bin/a': 'x' } }).root, 'usr/bin/env')).toBeUndefined();
  });

  test('is the one of the package that brings it', () => {
    const { root } = plan({ a: { 'bin/env': 'x', 'usr/bin/env': 'y' } });
    expect(lookUp(root, 'usr/bin/env')).toEqual({
      type: 'symlink',
      target: `${storePath('a')}/usr/bin/env`,
    });
  });
});

describe('the CA bundle', () => {
  test('is where every distribution looks for it', () => {
    const { root, hasCaBundle } = plan({ cacert: { 'etc/ssl/certs/ca-bundle.crt': 'x' } });
    const target = `${storePath('cacert')}/etc/ssl/certs/ca-bundle.crt`;
    for (const path of [
      'etc/ssl/certs/ca-bundle.crt',
      'etc/ssl/certs/ca-certificates.crt',
      'etc/pki/tls/certs/ca-bundle.crt',
      'etc/ssl/cert.pem',
    ]) {
      expect(lookUp(root, path)).toEqual({ type: 'symlink', target });
    }
    expect(hasCaBundle).toBe(true);
  });

  test('is nowhere, where no package brings one', () => {
    const { root, hasCaBundle } = plan({ a: { 'etc/ssl/openssl.cnf': 'x' } });
    expect(lookUp(root, 'etc/pki')).toBeUndefined();
    expect(hasCaBundle).toBe(false);
  });

  test('does not replace what a package has at those places', () => {
    const { root } = plan({
      cacert: { 'etc/ssl/certs/ca-bundle.crt': 'x' },
      own: { 'etc/ssl/cert.pem': 'y', 'etc/pki': 'a file' },
    });
    expect(lookUp(root, 'etc/ssl/cert.pem')).toEqual({
      type: 'symlink',
      target: `${storePath('own')}/etc/ssl/cert.pem`,
    });
    expect(lookUp(root, 'etc/pki')?.type).toBe('symlink');
  });
});

test('binaries are the names in /bin, sorted, whoever brought them', () => {
  const { binaries } = plan({ b: { 'bin/b': 'x', 'bin/folder/x': 'x' }, a: { bin: '-> ../../x' } });
  expect(binaries).toEqual(['b', 'folder']);
});
