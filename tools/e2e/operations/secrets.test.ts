import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { logLines } from '../log-lines.ts';
import { type RegistryServer, startRegistry } from '../server.ts';

/** Wherever a secret can be: it must come out nowhere. */
const SECRET = 's3cret-pw';
const TOKEN = 's3cret-pw-as-a-token';
const ENCODED = Buffer.from(`ci:${TOKEN}`).toString('base64');

/** Lets nobody in. */
let closed: Server;
let origin: string;
let dir: string;
let registry: RegistryServer | undefined;
let answers: string[];
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-secrets-'));
  closed = createServer((_request, response) => {
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="closed"' }).end();
  }).listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const address = closed.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  origin = `http://ci:${SECRET}@127.0.0.1:${port}`;
  answers = [];
});
afterEach(async () => {
  await registry?.stop();
  registry = undefined;
  closed.close();
  closed.closeAllConnections();
  rmSync(dir, { recursive: true, force: true });
});

async function ask(
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const response = await fetch(`${registry?.url}${target}`, { headers });
  answers.push(JSON.stringify([...response.headers]), await response.text());
  return response.status;
}

/** All that anybody can have seen, once the server has ended. */
async function everything(): Promise<string> {
  await registry?.stop();
  return [registry?.logs(), ...answers].join('\n');
}

test('an address with a password, of a repository that lets nobody in, is told without it', async () => {
  registry = await startRegistry(dir, {
    NIXERY_PKGS_REPO: `${origin}/repo.git`,
    NIXERY_LOG_LEVEL: 'trace',
  });
  expect(await ask('/v2/hello/manifests/latest')).toBe(429);
  await ask('/builds');
  await ask('/builds.json');
  await ask('/metrics');
  const seen = await everything();
  expect(seen).toContain('Authentication failed');
  expect(seen).not.toContain(SECRET);
});

test('logins, tokens in addresses, options for Nix, cloud credentials and what builds print are in no log, answer, metric or page', async () => {
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  const tokens = path.join(dir, 'tokens');
  writeFileSync(tokens, `ci:${TOKEN}\n`);
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: packages,
    NIXERY_TOKENS: tokens,
    NIXERY_LOG_LEVEL: 'trace',
    NIXERY_NIX_OPTIONS: `--option substitute true --option substituters ${origin}/cache --option download-attempts 1`,
    NIXERY_BUILD: 'substitutes-only',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: SECRET,
    https_proxy: `http://ci:${SECRET}@127.0.0.1:9`,
  });
  const login = { Authorization: `Basic ${ENCODED}` };
  expect(await ask('/v2/')).toBe(401);
  expect(await ask('/v2/', { Authorization: `Bearer wrong-${TOKEN}` })).toBe(401);
  expect(await ask(`/v2/?access_token=${TOKEN}`, login)).toBe(200);
  // The cache lets Nix not in.
  expect(await ask('/v2/slow0/manifests/latest', login)).toBe(403);
  await registry.stop();
  answers.push(registry.logs());

  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: packages,
    NIXERY_TOKENS: tokens,
    NIXERY_LOG_LEVEL: 'trace',
  });
  expect(await ask('/v2/failingleaky/manifests/latest', login)).toBe(422);
  await expect
    .poll(() => logLines(registry ?? { logs: () => '' }).find(({ msg }) => msg === 'build failed'))
    .toBeDefined();
  await ask('/builds.json', login);
  const { builds } = z
    .object({ builds: z.tuple([z.object({ id: z.string() })]) })
    .parse(JSON.parse(answers.at(-1) ?? ''));
  const [{ id }] = builds;
  for (const page of ['/builds', `/builds/${id}`, `/builds/${id}.json`, `/builds/${id}/events`]) {
    expect(await ask(page, login), page).toBe(200);
  }
  for (const page of ['/metrics', '/readyz', '/']) await ask(page, login);
  const seen = await everything();
  expect(seen).toContain('unable to download https://***@cache.example/x?access_token=***');
  expect(seen).not.toContain(SECRET);
  expect(seen).not.toContain(ENCODED);
});

test('a server that refuses its settings repeats no secret', async () => {
  const started = startRegistry(dir, {
    NIXERY_PKGS_REPO: `${origin} ${SECRET}`,
    NIXERY_PKGS_PATH: SECRET,
    NIXERY_NIX_OPTIONS: `--option substituters ${SECRET} --option access-tokens github.com=${SECRET}`,
  });
  const refusal = await started.catch((error: unknown) => String(error));
  expect(refusal).toMatch(/ended \(78\)/);
  expect(refusal).toMatch(/NIXERY_NIX_OPTIONS has a value of substituters that cannot be/);
  expect(refusal).toMatch(/NIXERY_NIX_OPTIONS cannot have access-tokens/);
  expect(refusal).not.toContain(SECRET);
});
