import { expect, test } from 'vitest';

import { sourcesList } from './apt-state.ts';
import type { IndexTarget } from './index-targets.ts';

const target: IndexTarget = {
  archiveUrl: 'http://archive.invalid/debian/',
  release: 'bookworm',
  codename: 'bookworm',
  component: 'main',
  architecture: 'amd64',
  origin: 'Debian',
  file: '/lists/bookworm',
};

test('a private state asks every archive once, whatever the architectures', () => {
  const targets = [
    target,
    { ...target, architecture: 'arm64' },
    { ...target, release: 'bookworm-updates' },
  ];
  const lines = sourcesList(targets).trim().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(
    /^deb (\[signed-by=\S+\] )?http:\/\/archive\.invalid\/debian\/ bookworm main$/,
  );
});
