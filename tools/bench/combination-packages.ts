import { createPackageRepository } from '@nixery/builder/testing';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A package set made for timing, in a git repository. */
export interface SyntheticSet {
  /** Its address. */
  readonly url: string;
  readonly commit: string;
}

/**
 * `package0`, `package1`, …: a program each, over a few of thirty libraries. All store paths are large enough for a layer
 * of their own, so that a combination of known packages misses the symlink layer and nothing else.
 *
 * @param dir is made
 * @param attributes how many packages there are; all but those asked for cost a look-up only
 */
export async function createSyntheticSet(dir: string, attributes: number): Promise<SyntheticSet> {
  const repository = await createPackageRepository(dir);
  await writeFile(join(dir, 'default.nix'), expression(attributes));
  return { url: repository.url, commit: await repository.commit('synthetic') };
}

function expression(attributes: number): string {
  return `{ ... }:
let
  busybox = "\${./busybox}/busybox";
  path = name: dependencies: derivation {
    inherit name;
    system = builtins.currentSystem or "x86_64-linux";
    builder = busybox;
    allowSubstitutes = false;
    preferLocalBuild = true;
    args = [ "sh" "-euc" ''
      PATH=
      mkdir -p $out/bin $out/share/\${name} $out/etc/ssl/certs
      yes \${name} | head -c 131072 > $out/share/\${name}/data
      for dependency in \${builtins.toString dependencies}; do echo $dependency; done > $out/bin/\${name}
      exit 0
    '' ];
  };
  library = i: path "library\${toString i}" [ ];
  libraries = builtins.genList library 30;
  package = i: path "package\${toString i}" (map (j: builtins.elemAt libraries (i * 7 + j * 11 - (i * 7 + j * 11) / 30 * 30)) [ 0 1 2 3 4 ]);
  packages = builtins.genList (i: { name = "package\${toString i}"; value = package i; }) ${attributes};
in
builtins.listToAttrs packages // { cacert = path "cacert" [ ]; iana-etc = path "iana-etc" [ ]; }
`;
}
