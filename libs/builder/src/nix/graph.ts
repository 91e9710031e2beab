import type { Sha256Digest, StorePathInfo } from '../layer/types.ts';

/**
 * Reads what `nix-store --dump-db PATH…` prints. For each path, a line each: the path, its NAR hash (base 16 SHA-256), its
 * NAR size, its deriver or nothing, the number of its references, and those. No version of Nix has changed this form.
 *
 * @throws Error when the text ends early or a line is not what it should be
 */
export function parseDump(dump: string): readonly StorePathInfo[] {
  const lines = dump.split('\n');
  if (lines.at(-1) === '') lines.pop();
  let at = 0;
  function next(pattern: RegExp): string {
    const line = lines[at++];
    if (line === undefined || !pattern.test(line)) {
      throw new Error(`nix-store --dump-db: line ${at} is not understood: ${JSON.stringify(line)}`);
    }
    return line;
  }
  const infos: StorePathInfo[] = [];
  while (at < lines.length) {
    const path = next(/^\//);
    const narHash: Sha256Digest = `sha256:${next(/^[0-9a-f]{64}$/)}`;
    const narSize = Number(next(/^\d+$/));
    next(/^(?:\/.*)?$/);
    const count = Number(next(/^\d+$/));
    const references = Array.from({ length: count }, () => next(/^\//));
    infos.push({ path, narHash, narSize, references });
  }
  return infos;
}
