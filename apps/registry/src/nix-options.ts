import { isAbsolute } from 'node:path';

import { nearest } from './nearest.ts';

/** Settings of nix.conf by name, checked. */
export type NixOptions = Readonly<Record<string, string>>;

/** Whether a value can be what an option takes; if not, what it must be. */
interface Kind {
  readonly takes: string;
  readonly isValid: (value: string) => boolean;
  /** Whether `extra-NAME` adds to what nix.conf says. */
  readonly isList?: true;
}

const flag: Kind = {
  takes: 'must be true or false',
  isValid: (value) => value === 'true' || value === 'false',
};
const number: Kind = {
  takes: 'must be a whole number',
  isValid: (value) => /^\d{1,15}$/.test(value),
};
const jobs: Kind = {
  takes: 'must be a whole number or auto',
  isValid: (value) => value === 'auto' || number.isValid(value),
};
const file: Kind = {
  takes: 'must be an absolute path without spaces',
  isValid: (value) => isAbsolute(value) && !value.includes(' '),
};
const words: Kind = {
  takes: 'must be words with spaces between them',
  isValid: (value) => value.split(' ').every((word) => /^[a-z0-9][a-z0-9_.-]*$/i.test(word)),
  isList: true,
};
const stores: Kind = {
  takes: 'must be http, https, file, s3, ssh or ssh-ng addresses with spaces between them',
  isValid: (value) =>
    value.split(' ').every((url) => /^(?:https?|file|s3|ssh|ssh-ng):\/\/./.test(url)),
  isList: true,
};
/** Ed25519 keys, 32 bytes. */
const keys: Kind = {
  takes: 'must be keys such as name-1:<44 characters of base64>, with spaces between them',
  isValid: (value) => value.split(' ').every((key) => /^[^\s:]+:[A-Za-z0-9+/]{43}=$/.test(key)),
  isList: true,
};
/** https://nix.dev/manual/nix/latest/command-ref/conf-file#conf-builders */
const machines: Kind = {
  takes: 'must be machines such as ssh://HOST SYSTEM KEYFILE, with ";" between them, or @FILE',
  isValid: (value) =>
    value
      .split(';')
      .map((machine) => machine.trim())
      .every((machine) => /^@\/\S+$|^ssh(?:-ng)?:\/\/\S+(?: \S+){0,7}$/.test(machine)),
};

/** None of these changes what a derivation is, or what comes of it. */
const OPTIONS: ReadonlyMap<string, Kind> = new Map(
  Object.entries({
    builders: machines,
    'builders-use-substitutes': flag,
    'connect-timeout': number,
    cores: number,
    'download-attempts': number,
    'extra-platforms': words,
    fallback: flag,
    'http-connections': number,
    http2: flag,
    'max-build-log-size': number,
    'max-free': number,
    'max-jobs': jobs,
    'max-silent-time': number,
    'min-free': number,
    'narinfo-cache-negative-ttl': number,
    'narinfo-cache-positive-ttl': number,
    'netrc-file': file,
    'ssl-cert-file': file,
    'stalled-download-timeout': number,
    substitute: flag,
    substituters: stores,
    'system-features': words,
    'trusted-public-keys': keys,
  }),
);

const SERVER_ONLY = 'is set by this server for each evaluation';
const UNSAFE = 'would take a protection away';
const PROGRAM = 'would have Nix run or load a program';

/** Why an option that exists is not taken. */
const REFUSED: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'access-tokens':
      'is of no use here: package sources have settings of their own, and evaluations reach no network',
    'allow-import-from-derivation': 'is NIXERY_ALLOW_IFD',
    'allow-unsafe-native-code-during-evaluation': PROGRAM,
    'allowed-uris': UNSAFE,
    'build-hook': PROGRAM,
    'diff-hook': PROGRAM,
    include: 'would read settings that are not checked; name them here, or put them into nix.conf',
    'nix-path': SERVER_ONLY,
    'plugin-files': PROGRAM,
    'post-build-hook': PROGRAM,
    'pre-build-hook': PROGRAM,
    'pure-eval': SERVER_ONLY,
    'require-sigs': UNSAFE,
    'restrict-eval': SERVER_ONLY,
    sandbox: UNSAFE,
    store: 'is NIX_REMOTE',
    system: 'is chosen by the image name and NIXERY_PLATFORMS',
    timeout: 'is NIX_TIMEOUT',
  }),
);

/**
 * Reads `--option NAME VALUE …`. Values with spaces are quoted as for a shell, which never sees them.
 *
 * @returns the options, or all that is wrong with them, without the values: those may be secrets
 */
export function parseNixOptions(
  text: string,
): { readonly options: NixOptions } | { readonly problems: readonly string[] } {
  const words = splitWords(text);
  if (words === undefined) return { problems: ['has a quotation mark that is not closed'] };
  const options = new Map<string, string>();
  const problems: string[] = [];
  while (words.length > 0) {
    const [flagName, name, value] = words.splice(0, 3);
    if (flagName !== '--option' || name === undefined || value === undefined) {
      return {
        problems: [
          ...problems,
          'must be --option NAME VALUE, any number of times; quote a value with spaces',
        ],
      };
    }
    const problem = problemOf(name, value);
    if (problem !== undefined) problems.push(problem);
    else if (options.has(name)) problems.push(`has ${name} twice`);
    options.set(name, value);
  }
  return problems.length > 0 ? { problems } : { options: Object.fromEntries(options) };
}

function problemOf(name: string, value: string): string | undefined {
  // It may be a secret out of place.
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return 'has an option whose name is none';
  const base = name.replace(/^extra-(?!platforms$)/, '');
  const refusal = REFUSED.get(base);
  if (refusal !== undefined) return `cannot have ${name}: it ${refusal}`;
  const kind = OPTIONS.get(base);
  if (kind === undefined || (base !== name && kind.isList === undefined)) {
    return `cannot have ${name}, only what docs/nix.md lists; did you mean ${nearest(base, [...OPTIONS.keys()])}?`;
  }
  // A line break would begin another setting, and # a comment: nix.conf knows no quotes.
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  if (/[\u0000-\u001f\u007f#]/.test(value))
    return `has a value of ${name} with a line break, "#" or the like`;
  return kind.isValid(value)
    ? undefined
    : `has a value of ${name} that cannot be: it ${kind.takes}`;
}

/**
 * Words as POSIX shells quote them: '…', "…", and a backslash before a character. Nothing is expanded.
 *
 * @returns undefined where a quotation does not end
 */
function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const raw = /^(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/s.exec(rest)?.[0];
    if (raw === undefined) return undefined;
    words.push(unquote(raw));
    const after = rest.slice(raw.length);
    if (after !== '' && !/^\s/.test(after)) return undefined;
    rest = after.trimStart();
  }
  return words;
}

function unquote(raw: string): string {
  return raw.replaceAll(
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs,
    (_all, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
  );
}
