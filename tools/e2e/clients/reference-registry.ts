import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../port.ts';
import { ServerProcess } from '../process.ts';
import { Namespace } from './namespace.ts';

const startDeadlineMs = 120_000;

export interface ReferenceRegistry {
  /** Host and port, as in image references. */
  readonly host: string;
  stop(): Promise<unknown>;
}

/** Debian's docker-registry: what the drivers are tried on, so that their faults are not taken for ours. */
export async function startReferenceRegistry(dir: string): Promise<ReferenceRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = path.join(dir, 'registry.yml');
  // https://distribution.github.io/distribution/about/configuration/
  writeFileSync(
    config,
    JSON.stringify({
      version: 0.1,
      log: { accesslog: { disabled: true }, level: 'error' },
      storage: { filesystem: { rootdirectory: path.join(dir, 'registry') } },
      http: { addr: host },
    }),
  );
  const server = new ServerProcess(['docker-registry', 'serve', config], {
    PATH: process.env['PATH'],
  });
  await server.until(async () => {
    const response = await fetch(`http://${host}/v2/`).catch(() => undefined);
    return response?.ok === true ? true : undefined;
  }, startDeadlineMs);
  return { host, stop: () => server.stop() };
}

/** Pushes an image of a static busybox alone, at /bin/busybox; gives its digest. */
export async function pushBusybox(dir: string, image: string): Promise<string> {
  const layout = path.join(dir, 'layout');
  const tagged = `${layout}:busybox`;
  const digestFile = path.join(dir, 'digest');
  const push = ['copy', '--dest-tls-verify=false', `--digestfile=${digestFile}`];
  const tools = await Namespace.create(dir);
  try {
    await tools.mustRun(['umoci', 'init', '--layout', layout]);
    await tools.mustRun(['umoci', 'new', '--image', tagged]);
    await tools.mustRun(['umoci', 'insert', '--image', tagged, '/bin/busybox', '/bin/busybox']);
    await tools.mustRun(['umoci', 'config', '--image', tagged, '--config.env', 'GREETING=hello']);
    await tools.mustRun([
      'skopeo',
      '--insecure-policy',
      ...push,
      `oci:${tagged}`,
      `docker://${image}`,
    ]);
  } finally {
    await tools.stop();
  }
  return readFileSync(digestFile, 'utf8').trim();
}
