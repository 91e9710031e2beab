import { fileURLToPath } from 'node:url';

// What tests start inherits their environment. Whether it prints colours is not for a terminal, Nx or a CI to choose:
// tests read what is printed.
for (const name of ['FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS', 'CLICOLOR_FORCE']) {
  delete process.env[name];
}

// Threads and servers are started by the hundred: compiled once, each takes half the time. `npm test` names the same folder.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
  new URL('.nixery/compile-cache', import.meta.url),
);
