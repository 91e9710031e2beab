import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BenchServer, freePort, runServer } from './http-servers.ts';

/**
 * nginx with sendfile and a line in a log for each request, as many workers as cores.
 * {@link https://nginx.org/en/docs/http/ngx_http_core_module.html#sendfile}
 */
export async function startNginx(folder: string): Promise<BenchServer> {
  const root = join(folder, 'nginx');
  await mkdir(root);
  const host = `127.0.0.1:${await freePort()}`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(root, kind)};`)
    .join(' ');
  const config = join(root, 'nginx.conf');
  await writeFile(
    config,
    `daemon off; pid ${join(root, 'pid')}; user root; worker_processes auto; error_log stderr;
events { worker_connections 2048; }
http { access_log ${join(root, 'access.log')}; ${temporary} sendfile on; tcp_nopush on;
  server { listen ${host}; root ${join(folder, 'storage/layers')}; } }
`,
  );
  return await runServer(
    ['nginx', '-c', config, '-e', 'stderr', '-p', root],
    join(root, 'log'),
    process.env,
    async () => {
      const response = await fetch(`http://${host}/`).catch(() => undefined);
      return response === undefined ? undefined : host;
    },
  );
}
