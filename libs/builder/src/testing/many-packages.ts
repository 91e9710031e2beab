import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How nixpkgs is divided, about: names at the top, and sets of packages. Of each hundred attributes. */
const SHARES: readonly (readonly [set: string, percent: number])[] = [
  ['', 30],
  ['haskellPackages', 20],
  ['rPackages', 20],
  ['python3Packages', 12],
  ['perlPackages', 6],
  ['emacsPackages', 6],
  ['vimPlugins', 3],
  ['rubyPackages', 3],
];

const SYLLABLES =
  'ba be bi bo ca co cu da de di do fa fe fi ga ge go ha he hi ja jo ka ki la le li lo ma me mi mo na ne ni no pa pe pi po ra re ri ro sa se si so ta te ti to va ve vi wa we xa yo za'.split(
    ' ',
  );

const LICENCES = ['MIT', 'GPL-3.0-or-later', 'Apache-2.0', 'BSD-3-Clause'];

/** Each member of a set as nix/default.nix reads it. */
interface Entry {
  readonly pname: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly unfree: boolean;
}

/**
 * Writes a package set of so many attributes in nixpkgs' shape, the same each time. Its packages can be told of and not be
 * built. Words are as frequent as in a language: few in most descriptions, most in few.
 *
 * @param count of attributes, the sets themselves included
 * @returns `dir`
 */
export async function writeManyPackages(dir: string, count: number): Promise<string> {
  await mkdir(dir, { recursive: true });
  const words = Array.from({ length: 20_000 }, (_, i) => wordOf(i));
  const sets = SHARES.slice(1).map(([set]) => set);
  const sizes = SHARES.map(([, percent]) => Math.floor(((count - sets.length) * percent) / 100));
  const missing = count - sets.length - sizes.reduce((sum, size) => sum + size, 0);
  for (const [i, [set]] of SHARES.entries()) {
    const random = randomNumbers(i + 1);
    const size = (sizes[i] ?? 0) + (i === 0 ? missing : 0);
    const members = new Map<string, Entry>();
    while (members.size < size) {
      const name = nameOf(words, random);
      members.set(
        members.has(name) ? `${name}${members.size}` : name,
        entryOf(name, words, random),
      );
    }
    const file = join(dir, `${set === '' ? 'top' : set}.json`);
    await writeFile(file, JSON.stringify(Object.fromEntries(members)));
  }
  await writeFile(
    join(dir, 'default.nix'),
    `let
  read = file: builtins.mapAttrs package (builtins.fromJSON (builtins.readFile file));
  package = _: { pname, version, description, license, unfree }: {
    type = "derivation";
    name = "\${pname}-\${version}";
    inherit pname version;
    meta = { inherit description unfree; license.spdxId = license; mainProgram = pname; };
  };
  sets = builtins.listToAttrs (map (name: {
    inherit name;
    value = read (./. + "/\${name}.json") // { recurseForDerivations = true; };
  }) (builtins.fromJSON ''${JSON.stringify(sets)}''));
in
read ./top.json // sets
`,
  );
  return dir;
}

function nameOf(words: readonly string[], random: () => number): string {
  const parts = [pick(words, random)];
  if (random() < 0.6) parts.push(pick(words, random));
  if (random() < 0.2) parts.push(pick(words, random));
  return parts.join('-');
}

function entryOf(pname: string, words: readonly string[], random: () => number): Entry {
  const count = 4 + Math.floor(random() * 8);
  return {
    pname,
    version: [random(), random(), random()].map((part) => Math.floor(part * 20)).join('.'),
    description: Array.from({ length: count }, () => pick(words, random)).join(' '),
    license: LICENCES[Math.floor(random() * LICENCES.length)] ?? 'MIT',
    unfree: random() < 0.02,
  };
}

/** Zipf's law: the word of rank n about n times as rare as the first. */
function pick(words: readonly string[], random: () => number): string {
  return words[Math.floor(words.length ** random()) - 1] ?? words[0] ?? '';
}

function wordOf(index: number): string {
  let rest = index + SYLLABLES.length;
  let word = '';
  while (rest > 0) {
    word += SYLLABLES[rest % SYLLABLES.length] ?? '';
    rest = Math.floor(rest / SYLLABLES.length);
  }
  return word;
}

/** From 0 to 1, the same each time. {@link https://en.wikipedia.org/wiki/Linear_congruential_generator} */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
