import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { daemonCommands } from './nix-daemon.mjs';
import { isRoot } from './privilege.mjs';
import { findCommand } from './workspace.mjs';

const main = fileURLToPath(new URL('main.mjs', import.meta.url));

test('who cannot become root is told at once all that root has to run, and nothing is done', async () => {
  const bin = mkdtempSync(path.join(tmpdir(), 'privilege-'));
  onTestFinished(() => rmSync(bin, { recursive: true }));
  // Should it be run all the same, it does nothing.
  symlinkSync('/bin/false', path.join(bin, 'apt-get'));
  // In a user namespace root is somebody else, too.
  const somebody = isRoot ? ['unshare', '--user', '--map-user=1234', '--'] : [];
  const [name, ...args] = [...somebody, process.execPath, main, 'start'];
  const env = { PATH: bin, HOME: bin, NIX_REMOTE: 'daemon' };
  const file = findCommand(name, process.env['PATH']) ?? name;
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(file, args, { env }, (error, _stdout, text) =>
      resolve({ code: error?.code, stderr: text }),
    );
  });

  expect(code).toBe(1);
  expect(stderr).toMatch(/^To be installed first:\n {2}nix-bin/);
  expect(stderr).toMatch(
    /This needs root, and sudo is not there\. Run as root, then start again:\n {2}apt-get update\n {2}apt-get install -y --no-install-recommends nix-bin git\b.*\n$/,
  );
});

test('the Nix daemon takes a membership and a start', () => {
  const [join, start] = daemonCommands({ PATH: '/usr/bin' });
  expect(join?.slice(0, 4)).toEqual(['usermod', '--append', '--groups', 'nix-users']);
  expect(start?.join(' ')).toMatch(/nix-daemon/);
});
