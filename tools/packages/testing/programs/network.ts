import { type Program, script, shell } from './program.ts';

/** Serves the working folder at `$url`. The port is the kernel's choice: the network may be the host's. */
const serveFolder = `
: > log
python3 -u -m http.server 0 --bind 127.0.0.1 >> log 2>&1 &
until [[ $(< log) =~ http://[0-9.:]+ ]]; do sleep 0.1; done
url=$BASH_REMATCH`;

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

/** Clients, and servers that are asked by them. */
export const networkPrograms: readonly Program[] = [
  {
    title: 'getent knows users and services',
    packages: ['getent'],
    argv: ['getent', 'passwd', 'root'],
    stdout: /^root:x:0:0:/m,
  },
  {
    title: 'iputils has ping',
    packages: ['iputils'],
    // Who may send is for the runtime to say.
    argv: ['ping', '-V'],
    stdout: /^ping from iputils \d/m,
  },
  {
    title: 'socat carries text from a socket to a file',
    packages: ['socat', ...shell],
    argv: script(`socat -u UNIX-LISTEN:$PWD/socket CREATE:got &
until [ -S socket ]; do sleep 0.1; done
echo carried | socat -u - UNIX-CONNECT:$PWD/socket
wait
cat got`),
    stdout: /^carried$/m,
  },
  {
    title: 'tcpdump reads what was captured',
    packages: ['tcpdump', ...shell],
    // A file of one packet (https://www.tcpdump.org/manpages/pcap-savefile.5.html): raw IPv4, UDP from port 7 to port 9.
    argv: script(`bytes() { printf "$(printf '\\\\x%s' $*)"; }
{
  bytes d4 c3 b2 a1 02 00 04 00 00 00 00 00 00 00 00 00 ff ff 00 00 65 00 00 00
  bytes 00 00 00 00 00 00 00 00 1c 00 00 00 1c 00 00 00
  bytes 45 00 00 1c 00 01 00 00 40 11 00 00 c0 00 02 01 c0 00 02 02 00 07 00 09 00 08 00 00
} > captured
tcpdump -nr captured 2> log || { cat log; exit 1; }`),
    stdout: /IP 192\.0\.2\.1\.7 > 192\.0\.2\.2\.9: UDP, length 0$/m,
  },
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
    title: 'dig and host ask a server of names',
    packages: ['dnsutils', 'python3', ...shell],
    // The answer to a question is the question, marked as an answer, and a record behind it (RFC 1035, 4.1).
    argv: script(`cat > server.py << 'end'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
for _ in range(2):
    asked, client = server.recvfrom(4096)
    question = asked[12:asked.index(0, 12) + 5]
    record = bytes.fromhex("c00c 0001 0001 0000003c 0004") + bytes([192, 0, 2, 7])
    server.sendto(asked[:2] + bytes.fromhex("8400 0001 0001 0000 0000") + question + record, client)
end
: > port
python3 server.py >> port &
until read -r port < port; do sleep 0.1; done
dig @127.0.0.1 -p $port +short example.org A
host -p $port -t A example.org 127.0.0.1`),
    stdout: /^192\.0\.2\.7\n[^]*^example\.org has address 192\.0\.2\.7$/m,
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
    title: 'OpenSSH lets in who has the key, and rsync carries files through it',
    packages: ['openssh', 'rsync', ...shell],
    // The server is started by its client, and so needs no port. Started by root it wants a user and a folder of its own.
    argv: script(`if [ $UID = 0 ]; then
  echo 'sshd:x:74:74::/:/bin/false' >> /etc/passwd
  mkdir -p /run/sshd
fi
for name in host key; do ssh-keygen -q -t ed25519 -N '' -f $name; done
printf '%s\\n' "HostKey $PWD/host" "AuthorizedKeysFile $PWD/key.pub" 'StrictModes no' > server
printf '%s\\n' 'Host *' "  ProxyCommand $(type -P sshd) -i -f $PWD/server -E $PWD/log" "  IdentityFile $PWD/key" \\
  '  StrictHostKeyChecking accept-new' '  LogLevel ERROR' "  UserKnownHostsFile $PWD/known" > client
ssh -F client "$(id -un)@here" 'echo $((6 * 7)) for $(id -u)' || { cat log; exit 1; }
echo carried > file
rsync -e "ssh -F client" file "$(id -un)@here:$PWD/copy"
cat copy`),
    stdout: /^42 for (0|1000)\ncarried\n$/,
  },
  {
    title: 'openssl makes a certificate, and has the ciphers of old',
    packages: ['openssl', ...shell],
    argv: script(`openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=x -keyout key -out cert
openssl verify -CAfile cert cert
echo text | openssl enc -bf -provider legacy -provider default -pbkdf2 -k word |
  openssl enc -d -bf -provider legacy -provider default -pbkdf2 -k word`),
    stdout: /^cert: OK\ntext$/m,
  },
];
