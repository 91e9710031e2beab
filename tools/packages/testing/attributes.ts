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
