import { expect, test } from 'vitest';
import { offlinePackages, serverDefaults } from './start.mjs';

test('an empty environment gets a local server with the offline packages', () => {
  expect(serverDefaults({}, { hasApt: true })).toMatchObject({
    NIXERY_HOST: '127.0.0.1',
    PORT: '8080',
    NIXERY_STORAGE_BACKEND: 'filesystem',
    NIXERY_PKGS_PATH: offlinePackages,
  });
});

test('without apt the packages come from a channel', () => {
  const defaults = serverDefaults({}, { hasApt: false });
  expect(defaults).toMatchObject({ NIXERY_CHANNEL: 'nixos-unstable' });
  expect(defaults).not.toHaveProperty('NIXERY_PKGS_PATH');
});

test.each(['NIXERY_CHANNEL', 'NIXERY_PKGS_REPO', 'NIXERY_PKGS_PATH'])(
  'a source chosen with %s gets no other beside it',
  (name) => {
    const defaults = serverDefaults({ [name]: 'x' }, { hasApt: true });
    expect(Object.keys(defaults).filter((key) => /CHANNEL|PKGS/.test(key))).toEqual([]);
  },
);

test('what the environment sets has no default, and an empty value sets nothing', () => {
  const defaults = serverDefaults({ PORT: '9000', STORAGE_PATH: '' }, { hasApt: true });
  expect(defaults).not.toHaveProperty('PORT');
  expect(defaults).toHaveProperty('STORAGE_PATH');
});
