import { catalogue } from '../catalogue.ts';

/** What an image with a shell and the commonest tools holds. */
export const firstAttributes = [
  'bashInteractive',
  'cacert',
  'coreutils',
  'curl',
  'git',
  'hello',
  'iana-etc',
  'jq',
  'moreutils',
  'nano',
] as const;

/** Every attribute that evaluates with no configuration, as a Nix path. */
export const allAttributes: readonly string[] = Object.entries(catalogue).flatMap(
  ([path, entry]) => ('debs' in entry && !path.startsWith('examples.') ? [path] : []),
);
