import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { caughtUp, countLogged } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string() })).length(1),
});

const deadlines = [
  { seconds: 3, when: 'in between', rung: /[?&]w=[1-8]$/ },
  { seconds: 15, when: 'after all redirects', rung: /[?&]w=9$/ },
] as const;

let dir: string;
let packages: string;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-deadline-'));
  packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe.for(deadlines)('a build that its deadline ends $when', ({ rung, seconds }) => {
  let registry: RegistryServer;

  beforeAll(async () => {
    registry = await startRegistry(path.join(dir, String(seconds)), {
      NIXERY_PKGS_PATH: packages,
      NIXERY_HOLD_SECONDS: '1',
      NIXERY_BUILD_TIMEOUT: String(seconds),
    });
  });
  afterAll(() => registry?.stop());

  test('is answered 429: ask again later', async () => {
    const response = await fetch(`${registry.url}/v2/slow60/manifests/latest`);
    expect(response.status).toBe(429);
    expect(response.url).toMatch(rung);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    const [error] = errorsSchema.parse(await response.json()).errors;
    expect(error?.code).toBe('TOOMANYREQUESTS');
    expect(error?.message).toContain(`${seconds} s that NIXERY_BUILD_TIMEOUT allows`);
    // Its line is on its way through a pipe, while the answer came by a socket.
    await expect.poll(() => countLogged(registry, 'build failed')).toBe(1);

    // Who asks again at once is not made to wait for another build.
    const again = await fetch(`${registry.url}/v2/slow60/manifests/latest`, { redirect: 'manual' });
    expect(again.status).toBe(429);
    await caughtUp(registry);
    expect(countLogged(registry, 'build started')).toBe(1);
  });
});
