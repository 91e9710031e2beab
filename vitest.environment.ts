// What tests start inherits their environment. Whether it prints colours is not for a terminal, Nx or a CI to choose:
// tests read what is printed.
for (const name of ['FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS', 'CLICOLOR_FORCE']) {
  delete process.env[name];
}
