import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { PullResult } from './clients/client.ts';
import { clientCases } from './clients/each.ts';
import { type ContainerdLikeResult, resolveLikeContainerd } from './containerd-like.ts';
import { caughtUp, countLogged, logLines } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

export interface LadderOptions {
  /** Builds that take so many seconds, all at the same time, each asked for by everybody at once. */
  readonly builds: readonly number[];
  /** NIXERY_HOLD_SECONDS; the server's own default unless given. */
  readonly holdSeconds?: number;
  /** When the client that is like containerd from 2.3 on gives up on an answer (ms). */
  readonly headerTimeoutMs: number;
}

const requestLine = z.object({
  msg: z.literal('request'),
  method: z.string(),
  url: z.string(),
  status: z.number(),
  agent: z.string().optional(),
});
type RequestLine = z.infer<typeof requestLine>;

const DEFAULT_HOLD_SECONDS = 20;
/** Which all clients follow in a row. */
const MAX_REDIRECTS = 9;
const IMAGE_ACCEPT = 'application/vnd.oci.image.manifest.v1+json';
const NOBODY_WAITS_LONGER_MS = 600_000;

/** What came of one build, by whoever asked for it. */
interface Outcome {
  readonly pulls: ReadonlyMap<string, PullResult>;
  readonly containerdLike: ContainerdLikeResult;
  /** Of a GET and a HEAD by `fetch`, which follows redirects as browsers do. */
  readonly plain: readonly Response[];
}

/** Tests that all clients wait out builds that take longer than a request is held. */
export async function describeLadder(options: LadderOptions): Promise<void> {
  const { builds, headerTimeoutMs, holdSeconds = DEFAULT_HOLD_SECONDS } = options;
  const cases = await clientCases();
  const clients = cases.filter(({ obstacle }) => obstacle === null).map(({ client }) => client);
  let dir: string;
  let registry: RegistryServer;
  const outcomes = new Map<number, Outcome>();

  beforeAll(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'nixery-ladder-'));
    const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
    registry = await startRegistry(dir, {
      NIXERY_PKGS_PATH: packages,
      NIX_TIMEOUT: '600',
      ...(options.holdSeconds !== undefined && {
        NIXERY_HOLD_SECONDS: String(options.holdSeconds),
      }),
    });
    for (const client of clients) {
      await client.start(mkdtempSync(path.join(dir, `${client.name}-`)));
    }
    await Promise.all(builds.map(async (seconds) => outcomes.set(seconds, await ask(seconds))));
    await caughtUp(registry);
  }, NOBODY_WAITS_LONGER_MS);
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await registry?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function ask(seconds: number): Promise<Outcome> {
    const image = { host: registry.host, name: `slow${seconds}`, reference: 'v1' };
    const url = `${registry.url}/v2/${image.name}/manifests/${image.reference}`;
    const [pulls, containerdLike, ...plain] = await Promise.all([
      Promise.all(clients.map(async (client) => [client.name, await client.pull(image)] as const)),
      resolveLikeContainerd(url, { headerTimeoutMs }),
      fetch(url, { headers: { Accept: IMAGE_ACCEPT } }),
      fetch(url, { headers: { Accept: IMAGE_ACCEPT }, method: 'HEAD' }),
    ]);
    return { pulls: new Map(pulls), containerdLike, plain };
  }

  /** Requests for manifests of a build, by a client or by all; `hop` 0 are those that no redirect led to. */
  function requests(seconds: number, agent?: RegExp): readonly (RequestLine & { hop: number })[] {
    return logLines(registry)
      .flatMap((line) => requestLine.safeParse(line).data ?? [])
      .filter(({ url }) => url.startsWith(`/v2/slow${seconds}/manifests/`))
      .filter((line) => agent === undefined || agent.test(line.agent ?? ''))
      .map((line) => ({ ...line, hop: Number(/[?&]w=(\d+)/.exec(line.url)?.[1] ?? 0) }));
  }

  describe.for(builds.map((seconds) => ({ seconds })))('a build of $seconds s', ({ seconds }) => {
    test.for(cases)('is waited out by $name', ({ name, obstacle }, { skip }) => {
      if (obstacle !== null) skip(obstacle);
      const pull = outcomes.get(seconds)?.pulls.get(name);
      expect(pull?.code, pull?.output).toBe(0);
      expect(pull?.digest).toBe(
        outcomes.get(seconds)?.plain[0]?.headers.get('docker-content-digest'),
      );
    });

    test('is waited out by who gives up on an answer that takes long, and is given the tag’s digest', () => {
      const outcome = outcomes.get(seconds);
      expect(outcome?.containerdLike.status).toBe(200);
      for (const { headers, status } of outcome?.plain ?? []) {
        expect(status).toBe(200);
        expect(headers.get('docker-content-digest')).toBe(outcome?.containerdLike.digest);
      }
    });

    test('takes redirects for as long as it lasts, nine in a row at most', () => {
      const hops = requests(seconds).map(({ hop }) => hop);
      expect(Math.max(...hops)).toBeLessThanOrEqual(MAX_REDIRECTS);
      expect(Math.max(...hops)).toBeGreaterThanOrEqual(
        Math.min(MAX_REDIRECTS, Math.floor(seconds / holdSeconds)),
      );
    });

    test.for([
      { name: 'docker', agent: /^docker\// },
      { name: 'containerd', agent: /^containerd\// },
    ])('costs $name one HEAD and one GET beside the redirects', ({ name, agent }, { skip }) => {
      if (!clients.some((client) => client.name === name)) skip('not there');
      const asked = requests(seconds, agent).filter(({ hop }) => hop === 0);
      expect(asked.map(({ method }) => method).sort()).toEqual(['GET', 'HEAD']);
      const answered = requests(seconds, agent).filter(({ status }) => status === 200);
      expect(answered.map(({ method }) => method).sort()).toEqual(['GET', 'HEAD']);
    });
  });

  const ladderMs = MAX_REDIRECTS * holdSeconds * 1000;
  test.for(builds.filter((seconds) => seconds * 1000 > ladderMs + headerTimeoutMs))(
    'a build of %s s goes on past the ladder, which who gives up on its last rung climbs anew',
    (seconds) => {
      expect(outcomes.get(seconds)?.containerdLike.timeouts).toBeGreaterThan(0);
    },
  );

  test('each is built once', () => {
    expect(countLogged(registry, 'build started')).toBe(builds.length);
  });
}
