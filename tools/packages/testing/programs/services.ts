import { type Program, script, shell } from './program.ts';

/** Asks nginx for its page, at a socket for the same reason, once it listens. */
const askNginx = `
until curl -sf --unix-socket socket http://x/; do sleep 0.1; done
kill -QUIT $!
wait`;

/** Servers of pages and data. */
export const services: readonly Program[] = [
  {
    title: 'nginx serves a file with a configuration made of its own',
    packages: ['nginx', 'curl', 'gnused', ...shell],
    argv: script(`chmod 755 .
echo served > index.html
sed "s,listen 8080,listen unix:$PWD/socket,; s,/var/www,$PWD," /etc/nginx/nginx.conf > nginx.conf
nginx -t -q
nginx -c $PWD/nginx.conf &${askNginx}`),
    stdout: /^served$/m,
  },
  {
    // As root it drops to nobody and, as Debian has it, nogroup.
    title: "nginx serves a file with a user's configuration, which names no user",
    packages: ['nginx', 'curl', ...shell],
    argv: script(`chmod 755 .
echo served > index.html
# Whoever is not root may not write into the image's own folders.
if [ $UID != 0 ]; then
  pid="pid $PWD/pid;" log="access_log off;"
  for kind in client_body proxy fastcgi uwsgi scgi; do log+=" \${kind}_temp_path $PWD/$kind;"; done
fi
echo "daemon off; \${pid-} events {} http { \${log-} server { include /etc/nginx/mime.types; listen unix:$PWD/socket; root $PWD; } }" > nginx.conf
nginx -c $PWD/nginx.conf &${askNginx}`),
    stdout: /^served$/m,
  },
  {
    title: 'PostgreSQL has its client',
    packages: ['postgresql'],
    argv: ['psql', '--version'],
    stdout: /^psql \(PostgreSQL\) \d+/m,
  },
  {
    title: 'PostgreSQL makes a database and answers a query',
    packages: ['postgresql', 'gnugrep', ...shell],
    // It refuses to be root.
    argv: script(`as=
if [ $UID = 0 ]; then
  as='chroot --userspec=nobody:nogroup --skip-chdir /'
  chown nobody:nogroup .
fi
$as initdb -D db -A trust -U me > log 2>&1 || { cat log; exit 1; }
$as postgres -D db -k $PWD -c listen_addresses= >> log 2>&1 &
until psql -h $PWD -U me -d postgres -Atc 'select 6 * 7' 2> /dev/null; do sleep 0.1; done
psql -h $PWD -U me -d postgres -Atc "select timestamptz '2026-07-01 00:00Z' at time zone 'Europe/Berlin'"
kill -INT $!
wait`),
    stdout: /^42\n2026-07-01 02:00:00$/m,
  },
  {
    title: 'redis answers PING, and keeps what it is told',
    packages: ['redis', ...shell],
    argv: script(`redis-server --port 0 --unixsocket $PWD/socket --dir $PWD > log &
until redis-cli -s socket ping 2> /dev/null; do sleep 0.1; done
redis-cli -s socket set a b
redis-cli -s socket get a
redis-cli -s socket shutdown nosave
wait`),
    stdout: /^PONG\nOK\nb$/m,
  },
];
