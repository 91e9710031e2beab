import { expect, it } from 'vitest';

import { nixEnvironment } from '../testing/nix-environment.ts';
import { nixProblem } from './probe.ts';

it('Nix that has its store has no problem', async () => {
  expect(await nixProblem(nixEnvironment())).toBeNull();
});

it.runIf(process.getuid?.() === 0)('Nix without its build users says what to do', async () => {
  const env = {
    ...nixEnvironment(),
    NIX_REMOTE: 'local',
    NIX_CONFIG: 'build-users-group = nobody-has-this-group',
  };
  expect(await nixProblem(env)).toMatch(/nobody-has-this-group.*put "build-users-group ="/);
});

it('Nix whose store cannot be reached says so', async () => {
  const env = { ...nixEnvironment(), NIX_REMOTE: 'unix:///nonexistent/socket' };
  expect(await nixProblem(env)).toMatch(/^Nix cannot use its store: .*nonexistent/);
});
