import { CountError } from './errors.ts';

/** What a narinfo says of its path, as far as counting cares. */
interface Narinfo {
  readonly path: string;
  readonly references: readonly string[];
}

/** Requests on their way at once. */
const AT_ONCE = 16;
const DEADLINE_MS = 30_000;
/** A narinfo has a line for each of a dozen facts; this leaves room for ten thousand references. */
const MAX_BYTES = 1024 * 1024;

/**
 * What `roots` need, as a binary cache's narinfos have it: a request for each path.
 *
 * @param cache its URL, http or https
 * @param roots `/nix/store/<hash>-<name>`
 * @throws CountError `not-found`, `unavailable`, `invalid`
 */
export async function readBinaryCache(
  cache: string,
  roots: readonly string[],
): Promise<readonly Narinfo[]> {
  const found: Narinfo[] = [];
  const seen = new Set(roots);
  // Level by level: what the answers of one refer to is the next.
  for (let level = [...seen]; level.length > 0;) {
    const answers = await fetchAll(cache, level);
    found.push(...answers);
    level = answers
      .flatMap(({ references }) => references)
      .filter((path) => !seen.has(path) && seen.add(path));
  }
  return found;
}

async function fetchAll(cache: string, paths: readonly string[]): Promise<readonly Narinfo[]> {
  const found: Narinfo[] = [];
  const pending = paths.values();
  async function work(): Promise<void> {
    // All workers take from the one iterator.
    for (const path of pending) found.push(await fetchNarinfo(cache, path));
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

async function fetchNarinfo(cache: string, path: string): Promise<Narinfo> {
  const [, dir, hash] = /^(\/.*)\/([0-9a-z]{32})-[^/]+$/.exec(path) ?? [];
  if (dir === undefined) throw new CountError('invalid', `not a store path: ${path}`);
  const text = await fetchText(`${cache.replace(/\/$/, '')}/${hash}.narinfo`, path);
  return parseNarinfo(text, path, dir);
}

async function fetchText(url: string, path: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
    // A cache in a bucket that may not be listed says 403 for what it does not have.
    if (response.status === 404 || response.status === 403) {
      await response.body?.cancel();
      throw new CountError('not-found', `the cache does not have ${path}`);
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new CountError('unavailable', `the cache answered ${response.status} for ${path}`);
    }
    return await readText(response, path);
  } catch (cause) {
    if (cause instanceof CountError) throw cause;
    throw new CountError('unavailable', `the cache does not answer for ${path}`, { cause });
  }
}

async function readText({ body }: Response, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES)
      throw new CountError('invalid', `the cache answered too much for ${path}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * Lines of `Name: value`; references are base names, separated by spaces.
 * https://nix.dev/manual/nix/latest/protocols/binary-cache
 */
function parseNarinfo(text: string, path: string, dir: string): Narinfo {
  const fields = new Map(
    text.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  const references = fields.get('References');
  if (fields.get('StorePath') !== path || references === undefined) {
    throw new CountError('invalid', `the cache answered something else for ${path}`);
  }
  const names = references.split(' ').filter((name) => name !== '');
  return { path, references: names.map((name) => `${dir}/${name}`) };
}
