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
    title: 'gcc, g++ and make build libraries of both kinds, and programs with them',
    packages: ['gcc', 'gnumake', ...shell],
    argv: script(`cat > three.c <<< 'int three(void) { return 3; }'
cat > main.cpp <<< '#include <iostream>
#include <vector>
extern "C" int three(void);
int main() { std::vector<int> all(three(), 7); std::cout << all.size() * all[1] << std::endl; }'
cat > root.c <<< '#include <math.h>
#include <stdio.h>
int main(int count, char **arguments) { printf("%.1f\\n", sqrt(count + 1.25)); }'
cat > Makefile << 'end'
all: main root
main: main.o libthree.a
\t$(CXX) -o $@ $^
libthree.a: three.o
\t$(AR) rcs $@ $^
root: root.c libthree.so
\t$(CC) -static -o $@ root.c -lm
libthree.so: three.c
\t$(CC) -shared -fPIC -o $@ $^
end
make -s
./main
./root
strip main
./main`),
    stdout: /^21\n1\.5\n21\n$/,
  },
  {
    title: 'pkg-config tells where what is',
    packages: ['pkg-config', ...shell],
    argv: script(`printf 'Name: a\\nDescription: a\\nVersion: 1.2\\nLibs: -L/a -la\\n' > a.pc
export PKG_CONFIG_PATH=$PWD
pkg-config --modversion a
pkg-config --libs a`),
    stdout: /^1\.2\n-L\/a -la *\n$/,
  },
  {
    title: 'Lua has its libraries',
    packages: ['lua5_4'],
    argv: ['lua', '-e', 'print(string.rep("ab", 2), math.type(2^53), utf8.len("é"))'],
    stdout: /^abab\tfloat\t1$/m,
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
    packages: ['nodejs-slim'],
    argv: [
      'node',
      '-e',
      'const os = require("os"); import("fs").then((fs) => console.log(typeof fetch, os.type(), fs.existsSync("/nix/store")))',
    ],
    stdout: /^function Linux true$/m,
  },
  {
    title: 'npm installs a package, and runs a script of another',
    packages: ['nodejs', ...shell],
    argv: script(`export HOME=$PWD
mkdir a b
echo '{"name": "a", "version": "1.0.0", "bin": "a.js"}' > a/package.json
printf '#!/usr/bin/env node\\nconsole.log("ran")\\n' > a/a.js
echo '{"scripts": {"start": "a"}}' > b/package.json
cd b
npm install --offline --no-audit --no-fund --loglevel=error ../a > log
npm start --silent`),
    stdout: /^ran\n$/,
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
    title: 'Python finds modules that are packages besides those that the user has',
    packages: ['python3', 'python3Packages.requests', ...shell],
    argv: script(`mkdir elsewhere
echo 'found = "elsewhere"' > elsewhere/mine.py
PYTHONPATH=$PWD/elsewhere python3 -c 'import mine, requests, ssl; print(mine.found)'
python3 -I -c 'import requests, ssl, sys; print("isolated" if "" not in sys.path else sys.path)'
printf '#!/usr/bin/env python3\\nimport json; print(json.dumps("script"))\\n' > script
chmod +x script
./script`),
    stdout: /^elsewhere\nisolated\n"script"\n$/,
  },
  {
    title: 'Python makes environments, which have the library and no packages of the image',
    packages: ['python3', 'python3Packages.requests', ...shell],
    argv: script(`python3 -m venv --without-pip made
made/bin/python -c 'import importlib.util, ssl, sys; print(sys.prefix == sys.argv[1], importlib.util.find_spec("requests"))' "$PWD/made"
python3 -c 'import subprocess; subprocess.run(["made/bin/python", "-c", "import sys; print(sys.prefix != sys.base_prefix)"])'
python3 -m ensurepip --version`),
    stdout: /^True None\nTrue\npip \d/,
  },
  {
    title: 'Python knows time zones, and UTF-8 as a locale',
    packages: ['python3'],
    argv: [
      'python3',
      '-c',
      `import datetime, locale, zoneinfo
zone = zoneinfo.ZoneInfo("Europe/Berlin")
print(datetime.datetime(2026, 7, 1, tzinfo=zone).utcoffset(), locale.setlocale(locale.LC_ALL, "C.UTF-8"))`,
    ],
    stdout: /^2:00:00 C\.UTF-8$/m,
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
