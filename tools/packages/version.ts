/**
 * Orders two Debian versions as dpkg does: epoch, upstream version, revision.
 * Debian Policy, section 5.6.12.
 *
 * @returns a negative number, zero or a positive number, as `Array.prototype.sort` wants it
 */
export function compareVersions(left: string, right: string): number {
  const a = splitVersion(left);
  const b = splitVersion(right);
  return (
    a.epoch - b.epoch || comparePart(a.upstream, b.upstream) || comparePart(a.revision, b.revision)
  );
}

/** The version as upstream knows it: without epoch, Debian revision and marks such as `+dfsg`. */
export function upstreamVersion(version: string): string {
  const { upstream } = splitVersion(version);
  // The version behind `+really` is what the package holds; the one before only sorts.
  const [held = upstream] = upstream.split('+really').slice(-1);
  return held
    .replace(/\+\d+(?=\+|$).*$/, '')
    .replace(/[+~.](?:dfsg|ds|debian|really|repack|git|deb\d)[^-]*$/, '');
}

interface SplitVersion {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string;
}

function splitVersion(version: string): SplitVersion {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon === -1 ? 0 : Number(version.slice(0, colon)),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  };
}

/** Alternates between runs of non-digits, compared by `rank`, and runs of digits, compared as numbers. */
function comparePart(left: string, right: string): number {
  const a = splitRuns(left);
  const b = splitRuns(right);
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const x = a[i] ?? '';
    const y = b[i] ?? '';
    const order = i % 2 === 0 ? compareText(x, y) : compareNumber(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

/** Runs of non-digits and digits in turn, beginning with one of non-digits, which may be empty. */
function splitRuns(text: string): readonly string[] {
  const runs = text.match(/\d+|\D+/g) ?? [];
  return /^\d/.test(text) ? ['', ...runs] : runs;
}

function compareText(left: string, right: string): number {
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const order = rank(left[i]) - rank(right[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareNumber(left: string, right: string): number {
  const order = BigInt(left) - BigInt(right);
  return order === 0n ? 0 : order < 0n ? -1 : 1;
}

/** `~` sorts before the end of the string, letters before everything else. */
function rank(character: string | undefined): number {
  if (character === '~') return -1;
  if (character === undefined) return 0;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
