import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { fetchEnvironment } from '../process/environment.ts';
import { createPackageRepository, nixEnvironment } from '../testing/index.ts';
import { listenLocally } from '../testing/listen.ts';
import { makeStore } from '../testing/source-store.ts';
import { gitSource } from './index.ts';

const { signal } = new AbortController();

let dir: string;
let certificate: string;
let commit: string;
let url: string;
let stop: () => void;

/** A repository behind TLS, whose certificate no system trusts. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-git-tls-'));
  certificate = join(dir, 'certificate.pem');
  const key = join(dir, 'key.pem');
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const files = ['-nodes', '-days', '2', '-keyout', key, '-out', certificate];
  execFileSync('openssl', [...request, ...files, ...names], { stdio: 'pipe' });

  const repository = await createPackageRepository(join(dir, 'repository'));
  commit = await repository.commit('any');
  repository.git('update-server-info');
  const pair = { key: await readFile(key), cert: await readFile(certificate) };
  const server = createServer(pair, (request, response) => {
    const { pathname } = new URL(request.url ?? '', 'https://localhost');
    readFile(join(dir, 'repository/.git', pathname)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  url = `https://127.0.0.1:${await listenLocally(server)}/`;
  stop = () => server.close();
});

afterAll(async () => {
  stop();
  await rm(dir, { recursive: true });
});

async function resolveWith(certificates: NodeJS.ProcessEnv): Promise<unknown> {
  const {
    SSL_CERT_FILE: _,
    NIX_SSL_CERT_FILE: __,
    GIT_SSL_CAINFO: ___,
    ...rest
  } = nixEnvironment();
  const env = fetchEnvironment({ ...rest, ...certificates });
  const store = makeStore(dir, env);
  return await gitSource({ url, dir: join(dir, 'git'), store, env }).resolve('latest', signal);
}

it.each(['SSL_CERT_FILE', 'NIX_SSL_CERT_FILE', 'GIT_SSL_CAINFO'])(
  'a repository is trusted that the certificates in %s vouch for',
  async (name) => {
    expect(await resolveWith({ [name]: certificate })).toMatchObject({ commit });
  },
);

it('and no other', async () => {
  await expect(resolveWith({})).rejects.toMatchObject({ code: 'source-unavailable' });
});
