import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import { architectures } from './architecture.ts';
import { catalogue } from './catalogue.ts';
import { allAttributes } from './testing/attributes.ts';
import { build, closureOf, evaluate, nix, preparedSet } from './testing/nix.ts';

describe('the whole set', () => {
  let set: string;
  let paths: ReadonlyMap<string, string>;

  beforeAll(async () => {
    set = await preparedSet();
    const built = await build(set, allAttributes);
    paths = new Map(allAttributes.map((attribute, index) => [attribute, built[index] ?? '']));
  }, 600_000);

  test('has the main programs that it names', async () => {
    const names = allAttributes
      .map((path) => `"${path}" = set.${path}.meta.mainProgram or null;`)
      .join(' ');
    const programs = await evaluate(set, `let set = import <nixery-packages> { }; in { ${names} }`);
    const missing: string[] = [];
    for (const [attribute, program] of Object.entries(programs ?? {})) {
      if (program === null) continue;
      const file = join(paths.get(attribute) ?? '', 'bin', String(program));
      await access(file).catch(() => missing.push(file));
    }
    expect(missing).toEqual([]);
  });

  test('has the licences that the copyright files of its packages tell', async () => {
    const wrong: string[] = [];
    for (const [attribute, entry] of Object.entries(catalogue)) {
      if (!('debs' in entry) || entry.script !== undefined || !paths.has(attribute)) continue;
      const lines = await copyrightOf(entry.debs[0], await closureOf([paths.get(attribute) ?? '']));
      const text = lines.replaceAll(/\s+/g, ' ');
      for (const license of [entry.license].flat())
        if (!mentions(text, license)) wrong.push(`${attribute}: ${license}`);
    }
    expect(wrong).toEqual([]);
  });

  test.each(architectures)(
    'keeps its store paths when it is built again, in the sandbox, for $system',
    async ({ system }) => {
      await build(set, allAttributes, { system });
      const expression = `with import ${set} { system = "${system}"; }; [ ${allAttributes.join(' ')} ]`;
      const derivations = (await nix('nix-instantiate', '--expr', expression)).trim().split('\n');
      const all = await closureOf(derivations);
      const units = all.filter((path) => path.endsWith('.drv') && !path.endsWith('.deb.drv'));
      const options = ['--option', 'sandbox', 'true', '--check', '--quiet'];
      await expect(nix('nix-store', '--realise', ...options, ...units)).resolves.toContain(
        '/nix/store/',
      );
    },
    1_800_000,
  );
});

async function copyrightOf(deb: string, closure: readonly string[]): Promise<string> {
  for (const root of closure) {
    const file = join(root, 'usr/share/doc', deb, 'copyright');
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return '';
}

/** Debian's names of licences differ from SPDX's: Debian's machine-readable copyright format 1.0. */
function mentions(text: string, spdx: string): boolean {
  const name = spdx.replace(/-(only|or-later)$/, '').replace(/-Perl$/, '');
  const family = name.replace(/[-.0-9]+$/, '');
  return (
    new RegExp(family.replaceAll('-', '[- ]'), 'i').test(text) ||
    longNames[family]?.test(text) === true
  );
}

const longNames: Readonly<Record<string, RegExp>> = {
  'BSD-3-Clause': /3-clause BSD/i,
  GPL: /General Public License/i,
  LGPL: /Lesser General Public/i,
  'LicenseRef-PublicDomain': /public domain/i,
  blessing: /public domain/i,
};
