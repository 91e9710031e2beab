import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Certificates } from './certificates.ts';
import { freePort } from './port.ts';
import { ServerProcess } from './process.ts';

const startDeadlineMs = 120_000;

const documentation = readFileSync(new URL('../../docs/reverse-proxy.md', import.meta.url), 'utf8');

export interface NginxOptions {
  /** Where the registry listens, host and port. */
  readonly upstream: string;
  readonly certificates: Certificates;
  /** How long it waits for an answer of the registry (s). */
  readonly readTimeout: number;
  readonly buffering: 'on' | 'off';
}

export interface Nginx {
  /** Host and port of the TLS server. */
  readonly host: string;
  stop(): Promise<unknown>;
}

/**
 * Starts nginx as docs/reverse-proxy.md configures it, with a path prefix beside the root, and only times, addresses and
 * files changed.
 *
 * @param dir an empty temporary folder
 */
export async function startNginx(dir: string, options: NginxOptions): Promise<Nginx> {
  const host = `127.0.0.1:${await freePort()}`;
  mkdirSync(dir, { recursive: true });
  const config = path.join(dir, 'nginx.conf');
  writeFileSync(config, configuration(dir, host, options));
  const server = new ServerProcess(['nginx', '-c', config, '-e', 'stderr', '-p', dir], {
    PATH: process.env['PATH'],
  });
  await server.until(async () => {
    // Its certificate is of no authority that fetch knows: any answer but a refused connection will do.
    const refused = await fetch(`https://${host}/healthz`).then(
      () => false,
      (error: unknown) => error instanceof Error && /ECONNREFUSED/.test(String(error.cause)),
    );
    return refused ? undefined : true;
  }, startDeadlineMs);
  return { host, stop: () => server.stop() };
}

/** https://nginx.org/en/docs/ngx_core_module.html, ngx_http_core_module.html and ngx_http_proxy_module.html */
function configuration(dir: string, host: string, options: NginxOptions): string {
  const { buffering, certificates, readTimeout, upstream } = options;
  const [server = '', prefix = ''] = documentedBlocks();
  const whole = `${server.slice(0, server.lastIndexOf('}'))}\n${prefix}}\n`;
  const adapted = [
    ['listen 443 ssl', `listen ${host} ssl`],
    ['server_name registry.example', 'server_name localhost'],
    ['/etc/ssl/certs/registry.example.pem', certificates.certificate],
    ['/etc/ssl/private/registry.example.key', certificates.key],
    ['http://127.0.0.1:8080', `http://${upstream}`],
    ['proxy_read_timeout 300s', `proxy_read_timeout ${readTimeout}s`],
    ['proxy_buffering off', `proxy_buffering ${buffering}`],
  ] as const;
  return `
daemon off;
pid ${path.join(dir, 'pid')};
worker_processes 1;
error_log stderr;
# Its workers would else give up root, and could not write below a folder that is this test's alone.
user root;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${path.join(dir, name)};`)
    .join('\n  ')}
${adapted.reduce(replaced, whole)}
}
`;
}

function documentedBlocks(): readonly string[] {
  return [...documentation.matchAll(/^```nginx\n(.*?)^```$/gms)].map(([, block]) => block ?? '');
}

function replaced(text: string, [from, to]: readonly [string, string]): string {
  if (!text.includes(from)) throw new Error(`docs/reverse-proxy.md no longer says ${from}`);
  return text.replaceAll(from, to);
}
