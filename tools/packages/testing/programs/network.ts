import { type Program, script, shell } from './program.ts';

/** Serves the working folder at `$url`. The port is the kernel's choice: the network may be the host's. */
const serveFolder = `
: > log
python3 -u -m http.server 0 --bind 127.0.0.1 >> log 2>&1 &
until [[ $(< log) =~ http://[0-9.:]+ ]]; do sleep 0.1; done
url=$BASH_REMATCH`;

/** Asks nginx for its page, at a socket for the same reason, once it listens. */
const askNginx = `
until curl -sf --unix-socket socket http://x/; do sleep 0.1; done
kill -QUIT $!
wait`;

/**
 * Has `git http-backend` serve the working folder at `$url`: a CGI program (RFC 3875), which wants a server before it.
 * https://git-scm.com/docs/git-http-backend
 */
const serveRepositories = `
cat > server.py << 'end'
import os, subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Repositories(BaseHTTPRequestHandler):
    def answer(self):
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": os.getcwd(),
            "GIT_HTTP_EXPORT_ALL": "",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ran = subprocess.run(["git", "http-backend"], input=body, env=os.environ | variables, stdout=subprocess.PIPE)
        head, _, content = ran.stdout.partition(b"\\r\\n\\r\\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\\r\\n")]
        self.send_response(int(dict(fields).get("Status", "200")[:3]))
        for field in fields:
            self.send_header(*field)
        self.end_headers()
        self.wfile.write(content)
    do_GET = do_POST = answer

server = ThreadingHTTPServer(("127.0.0.1", 0), Repositories)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
end
: > address
python3 server.py >> address 2>> log &
until read -r url < address; do sleep 0.1; done`;

/** Servers and clients. */
export const networkPrograms: readonly Program[] = [
  {
    title: 'curl and wget fetch over HTTP',
    packages: ['curl', 'wget', 'python3', ...shell],
    argv: script(`echo fetched > file${serveFolder}
curl -sS --fail $url/file
wget -q -O - $url/file`),
    stdout: /^fetched\nfetched\n$/,
  },
  {
    title: 'curl speaks TLS and says who is not trusted',
    packages: ['curl', 'openssl', ...shell],
    argv: script(`openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=x -keyout key -out cert 2> log
: > server
openssl s_server -cert cert -key key -accept 127.0.0.1:0 -www >> server 2>> log &
until [[ $(< server) =~ ACCEPT\\ ([0-9.:]+) ]]; do sleep 0.1; done
code=0
curl -sS https://\${BASH_REMATCH[1]}/ 2>&1 || code=$?
echo $code`),
    stdout: /certificate[^]*^60$/m,
  },
  {
    title: 'dig asks a server of names',
    packages: ['dnsutils', 'python3', ...shell],
    // The answer to a question is the question, marked as an answer, and a record behind it (RFC 1035, 4.1).
    argv: script(`cat > server.py << 'end'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
asked, client = server.recvfrom(4096)
question = asked[12:asked.index(0, 12) + 5]
record = bytes.fromhex("c00c 0001 0001 0000003c 0004") + bytes([192, 0, 2, 7])
server.sendto(asked[:2] + bytes.fromhex("8400 0001 0001 0000 0000") + question + record, client)
end
: > port
python3 server.py >> port &
until read -r port < port; do sleep 0.1; done
dig @127.0.0.1 -p $port +short example.org A`),
    stdout: /^192\.0\.2\.7\n$/,
  },
  {
    title: 'git commits, and clones from a folder and from files over HTTP',
    packages: ['git', 'python3', ...shell],
    argv: script(`export HOME=$PWD
git config --global user.name A
git config --global user.email a@example.org
git init -q work
echo text > work/file
git -C work add file
git -C work commit -qm first
git clone -q work folder
git clone -q --bare work bare.git
git -C bare.git update-server-info${serveFolder}
git clone -q $url/bare.git http
cat folder/file http/file
git -C http log --format=%s`),
    stdout: /^text\ntext\nfirst\n$/,
  },
  {
    title: 'git serves a repository over HTTP, that git clones from and pushes to',
    packages: ['git', 'python3', ...shell],
    // Of the repository's files none can be had, so it is not the protocol of servers that know nothing of git.
    argv: script(`export HOME=$PWD
git config --global user.name A
git config --global user.email a@example.org
git init -q --bare served.git
git -C served.git config http.receivepack true
git -C served.git config http.getanyfile false${serveRepositories}
git init -q work
cd work
seq 999 > file
git add file
git commit -qm first
git push -q $url/served.git HEAD:refs/heads/main HEAD:refs/tags/one
cd ..
GIT_TRACE_PACKET=$PWD/packets git clone -q -b one $url/served.git clone
[[ $(< packets) == *'clone< version 2'* ]]
tail -n 1 clone/file
git -C clone log --format=%s
git ls-remote -q $url/served.git | cut -f 2`),
    stdout: /^999\nfirst\nrefs\/heads\/main\nrefs\/tags\/one\n$/,
  },
  {
    title: 'iproute2 lists addresses and sockets, and netcat carries text from one to another',
    packages: ['iproute2', 'netcat', ...shell],
    argv: script(`ip -brief address show lo
nc -lU $PWD/socket > got &
until [[ $(ss -Hlx) == *"$PWD/socket"* ]]; do sleep 0.1; done
echo carried | nc -NU socket
wait
cat got`),
    stdout: /^lo +UNKNOWN +127\.0\.0\.1\/8 [^]*\ncarried\n$/,
  },
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
echo "daemon off; \${pid-} events {} http { \${log-} server { listen unix:$PWD/socket; root $PWD; } }" > nginx.conf
nginx -c $PWD/nginx.conf &${askNginx}`),
    stdout: /^served$/m,
  },
  {
    title: 'OpenSSH makes keys, keeps them in an agent and signs with them',
    packages: ['openssh', ...shell],
    argv: script(`ssh-keygen -q -t ed25519 -N '' -f key
eval "$(ssh-agent)" > log
ssh-add -q key
ssh-add -l
echo text > file
ssh-keygen -q -Y sign -f key -n test file
echo "me $(cat key.pub)" > signers
ssh-keygen -Y verify -f signers -I me -n test -s file.sig < file
ssh -G example.org | head -n 5
ssh-agent -k > log`),
    stdout: /^256 SHA256:.*\(ED25519\)$[^]*^Good "test" signature for me[^]*^port 22$/m,
  },
  {
    title: 'openssl makes a certificate',
    packages: ['openssl', ...shell],
    argv: script(`openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=x -keyout key -out cert
openssl verify -CAfile cert cert`),
    stdout: /^cert: OK$/m,
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
kill -INT $!
wait`),
    stdout: /^42$/m,
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
