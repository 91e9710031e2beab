import { type Program, script, shell } from './program.ts';

/** Compilers and interpreters. */
export const languages: readonly Program[] = [
  {
    title: 'gcc compiles a program, which runs',
    packages: ['gcc', ...shell],
    argv: script('cat > x.c; gcc -O2 -o x x.c -lm; ./x'),
    stdin:
      '#include <math.h>\n#include <stdio.h>\nint main(int c) { printf("%.1f\\n", sqrt(c + 1.25)); }\n',
    stdout: /^1\.5$/m,
  },
  {
    title: 'nix evaluates an expression, and hashes a folder',
    packages: ['nix', ...shell],
    argv: script(
      'mkdir f; nix-hash --type sha256 f; nix-instantiate --eval --store dummy:// --expr "6 * 7"',
    ),
    stdout: /^[0-9a-f]{64}\n42\n$/,
  },
  {
    title: 'node evaluates a script, with modules of both kinds',
    packages: ['nodejs'],
    argv: [
      'node',
      '-e',
      'const os = require("os"); import("fs").then((fs) => console.log(typeof fetch, os.type(), fs.existsSync("/nix/store")))',
    ],
    stdout: /^function Linux true$/m,
  },
  {
    title: 'node serves and fetches over TLS',
    packages: ['nodejs', 'openssl', ...shell],
    argv: script(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 \\
  -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key -out cert 2> log
node -e '
  const fs = require("fs"), https = require("https");
  const cert = fs.readFileSync("cert"), key = fs.readFileSync("key");
  const server = https.createServer({ cert, key }, (_, answer) => answer.end("fetched\\n"));
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    https.get({ host: "127.0.0.1", port, servername: "localhost", ca: cert, agent: false }, (answer) => {
      answer.pipe(process.stdout);
      answer.on("end", () => server.close());
    });
  });'`),
    stdout: /^fetched$/m,
  },
  {
    title: 'Perl loads its modules, those in C as well',
    packages: ['perl'],
    argv: [
      'perl',
      '-MPOSIX=floor',
      '-MList::Util=sum',
      '-MEncode',
      '-e',
      'print floor(sum(1.5, 2.2)), encode("UTF-8", "\\x{e9}")',
    ],
    stdout: /^3é$/,
  },
  {
    title: 'Perl loads modules that are packages',
    packages: ['perl', 'perlPackages.JSON', 'perlPackages.TimeDate'],
    argv: [
      'perl',
      '-MJSON',
      '-MDate::Parse',
      '-e',
      'print encode_json([str2time("1970-01-02T00:00:00Z")])',
    ],
    stdout: /^\["?86400"?\]$/,
  },
  {
    title: 'Python loads its modules, those in C as well',
    packages: ['python3'],
    argv: [
      'python3',
      '-c',
      'import ctypes, json, lzma, readline, sqlite3, ssl, sys; print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0], ssl.OPENSSL_VERSION)',
    ],
    stdout: /^42 OpenSSL 3/m,
  },
  {
    title: 'Python trusts the CAs and knows the services of every image',
    packages: ['python3'],
    argv: [
      'python3',
      '-c',
      'import socket, ssl; print(len(ssl.create_default_context().get_ca_certs()) > 100, socket.getservbyname("https"), socket.getprotobyname("udp"))',
    ],
    stdout: /^True 443 17$/m,
  },
  {
    title: 'Python fetches with a module that is a package',
    packages: ['python3', 'python3Packages.requests', 'python3Packages.pyyaml'],
    argv: [
      'python3',
      '-c',
      `import json, requests, sqlite3, ssl, threading, yaml
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"a": yaml.safe_load("[1, b]")}).encode())
server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(requests.get(f"http://127.0.0.1:{server.server_port}/").json()["a"])`,
    ],
    stdout: /^\[1, 'b'\]$/m,
  },
  {
    title: 'sqlite queries JSON',
    packages: ['sqlite'],
    argv: ['sqlite3', ':memory:', "select json_extract('{\"a\": 5}', '$.a')"],
    stdout: /^5$/m,
  },
];
