import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createPackageRepository,
  inspectServer,
  type PackageRepository,
} from '@nixery/builder/testing';
import { createRandom } from '@nixery/storage/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { caughtUp, countLogged, type LogLine, logLines } from '../log-lines.ts';
import { type RegistryServer, startRegistry } from '../server.ts';
import { processesOf, temporaryFiles } from './leftovers.ts';

const KILLS = process.env['NIXERY_TEST_LONG'] === '1' ? 200 : 20;
const SEED = Number(process.env['NIXERY_TEST_SEED'] ?? '1');

/** The kill comes up to this long after one of the answers, or after the first question (ms). */
const LATEST_KILL_MS = 600;
/** All of them heed the salt, so each commit's images are new to Nix and to the storage. */
const NAMES = ['slow0', 'slow0/hello', 'sharesa/slow0', 'slow0/sharesb', 'emptydirs/slow0'];

interface Image {
  readonly name: string;
  readonly commit: string;
}
interface Acknowledged extends Image {
  readonly digest: string;
}

let dir: string;
let repository: PackageRepository;
let server: RegistryServer | undefined;
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-kill-'));
  repository = await createPackageRepository(path.join(dir, 'upstream'));
});
afterEach(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function pull(from: RegistryServer, { name, commit }: Image): Promise<Acknowledged> {
  const response = await fetch(`${from.url}/v2/${name}/manifests/${commit}`);
  const text = await response.text();
  expect(response.status, `${name}:${commit}: ${text}\n${from.logs()}`).toBe(200);
  return { name, commit, digest: String(response.headers.get('docker-content-digest')) };
}

/**
 * Pulls images, two at a time, until the server is killed; notes those whose answer arrived.
 *
 * @returns answers that are no images
 */
async function stream(
  from: RegistryServer,
  images: readonly Image[],
  acknowledge: (image: Acknowledged) => void,
): Promise<readonly string[]> {
  const waiting = [...images];
  const refusals: string[] = [];
  async function lane(): Promise<void> {
    for (let image = waiting.shift(); image !== undefined; image = waiting.shift()) {
      const response = await fetch(`${from.url}/v2/${image.name}/manifests/${image.commit}`);
      const text = await response.text();
      const digest = response.headers.get('docker-content-digest');
      if (response.ok && digest !== null) acknowledge({ ...image, digest });
      else refusals.push(`${image.name}: ${response.status} ${text}`);
    }
  }
  // A lane ends with an error when its answer is cut off by the kill.
  await Promise.allSettled([lane(), lane()]);
  return refusals;
}

test(
  `a server killed ${KILLS} times while it builds loses nothing that it has answered, and leaves nothing behind`,
  { timeout: KILLS * 30_000 },
  async () => {
    const random = createRandom(SEED);
    const acknowledged: Acknowledged[] = [];
    const dirs = { state: path.join(dir, 'state'), storage: path.join(dir, 'storage') };
    const env = { NIXERY_PKGS_REPO: repository.url, NIXERY_LOG_LEVEL: 'debug' };
    let cutOff: readonly Image[] = [];
    let interrupted = 0;
    /** What the last server logged. */
    let before: readonly LogLine[] = [];

    for (let kill = 1; kill <= KILLS; kill++) {
      const context = `seed ${SEED}, kill ${kill}`;
      const commit = await repository.commit(randomUUID());
      const running = await startRegistry(dir, env);
      server = running;
      expect(temporaryFiles(dir), context).toEqual([]);

      // Answered before: known, with no build, and the same.
      for (const image of sample(acknowledged, 3, random)) {
        expect(await pull(running, image), context).toEqual(image);
      }
      await caughtUp(running);
      const built = missedAnswers(running) ? 0 : countLogged(running, 'build started');
      const lines = [...before, ...notable(running)];
      expect(built, `${context}: ${JSON.stringify(lines)}`).toBe(0);

      const fresh = NAMES.map((name) => ({ name, commit }));
      const earlier = acknowledged.length;
      const killAfter = acknowledged.length + Math.floor(random() * NAMES.length);
      const builds = stream(running, [...cutOff, ...fresh], (image) => acknowledged.push(image));
      // Either enough answers, or the end of the stream, whose refusals are told below.
      await Promise.race([builds, until(() => acknowledged.length >= killAfter)]);
      await delay(random() * LATEST_KILL_MS);
      await running.kill();
      expect(await builds, `${context}: ${JSON.stringify(notable(running))}`).toEqual([]);

      if (missedAnswers(running)) acknowledged.length = earlier;
      await expect.poll(() => processesOf(dir)).toEqual([]);
      const found = await inspectServer(dirs);
      expect(found.untrue, context).toEqual([]);
      const known = new Set(found.images.map(({ record }) => record.forms.oci?.digest));
      expect(
        acknowledged.filter(({ digest }) => !known.has(`sha256:${digest.slice(7)}`)),
        context,
      ).toEqual([]);
      before = notable(running);
      cutOff = fresh.filter(
        ({ name }) => !acknowledged.some((image) => image.commit === commit && image.name === name),
      );
      if (cutOff.length > 0) interrupted += 1;
    }
    // Otherwise the kills came too late or too early to mean anything.
    expect(interrupted).toBeGreaterThan(KILLS / 4);
    expect(acknowledged.length).toBeGreaterThan(KILLS / 2);

    const again = await startRegistry(dir, env);
    server = again;
    for (const image of acknowledged) expect(await pull(again, image)).toEqual(image);
    await caughtUp(again);
    expect(countLogged(again, 'build started')).toBe(0);
    for (const image of cutOff) await pull(again, image);
    await again.stop();
    expect(temporaryFiles(dir)).toEqual([]);
    await expect.poll(() => processesOf(dir)).toEqual([]);

    // A server that knows nothing of all this builds the same.
    const stranger = await startRegistry(path.join(dir, 'stranger'), env);
    server = stranger;
    for (const image of sample(acknowledged, 5, random)) {
      expect(await pull(stranger, image)).toEqual(image);
    }
  },
);

/**
 * Whether the cache gave no answer in its time, as on a disk that is busy with other things. By design a look-up is then a
 * miss, and an image is answered without being remembered: nothing was acknowledged.
 */
function missedAnswers(of: RegistryServer): boolean {
  return countLogged(of, 'cache request failed') > 0;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

/** Lines that explain a failure. */
function notable(of: RegistryServer): readonly LogLine[] {
  return logLines(of).filter(({ msg }) => msg !== 'nix');
}

function sample<T>(all: readonly T[], count: number, random: () => number): readonly T[] {
  const chosen = new Set<T>();
  for (let i = 0; i < count; i++) {
    const one = all[Math.floor(random() * all.length)];
    if (one !== undefined) chosen.add(one);
  }
  return [...chosen];
}
