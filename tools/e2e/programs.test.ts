import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { preparedSet } from '../packages/testing/nix.ts';
import { programs } from '../packages/testing/programs/index.ts';
import type { Program } from '../packages/testing/programs/program.ts';
import { Podman } from './clients/podman.ts';
import { type RegistryServer, startRegistry } from './server.ts';

interface Image {
  /** In the registry. */
  readonly name: string;
  readonly rows: readonly Program[];
}

/** What an image name cannot hold of an attribute, the registry finds without: capitals, a leading `_`. */
function part(attribute: string): string {
  return attribute.toLowerCase().replace(/^_/, '');
}

/** In characters. References have 255, of which the registry's address and the tag take some. */
const MAX_NAME = 220;

/** As few images as hold all programs: their names are limited. busybox is alone, or its `ls` would be everybody's. */
function images(rows: readonly Program[]): readonly Image[] {
  const made: { parts: Set<string>; rows: Program[] }[] = [];
  for (const row of rows) {
    const parts = row.packages.map(part);
    const alone = parts.includes('busybox');
    const fitting = made.find(
      (image) =>
        !alone &&
        !image.parts.has('busybox') &&
        [...new Set([...image.parts, ...parts])].join('/').length <= MAX_NAME,
    );
    if (fitting === undefined) made.push({ parts: new Set(parts), rows: [row] });
    else {
      fitting.rows.push(row);
      for (const name of parts) fitting.parts.add(name);
    }
  }
  return made.map((image) => ({ name: [...image.parts].sort().join('/'), rows: image.rows }));
}

const podman = new Podman();
const obstacle = await podman.available();
let dir: string;
let registry: RegistryServer;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-programs-'));
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: await preparedSet(),
    NIX_TIMEOUT: '600',
    // Packed and unpacked in the least time; other tests have gzip.
    NIXERY_COMPRESSION: 'zstd:1',
  });
  if (obstacle !== null) return;
  mkdirSync(path.join(dir, 'podman'));
  await podman.start(path.join(dir, 'podman'));
});
afterAll(async () => {
  await podman.stop();
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe.for([...images(programs)])('$name', ({ name, rows }) => {
  const image = () => ({ host: registry.host, name, reference: 'latest' });

  test.skipIf(obstacle !== null)('is pulled', async () => {
    const { code, output } = await podman.pull(image());
    expect(code, output).toBe(0);
  });

  test.skipIf(obstacle !== null).for([...rows])('$title', async (row) => {
    const { argv, stdin = '', stdout } = row;
    for (const user of [undefined, '1000']) {
      const result = await podman.run(image(), argv, { stdin, ...(user && { user }) });
      expect({ user, ...result }).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(stdout),
      });
    }
  });
});
