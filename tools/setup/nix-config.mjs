import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The files Nix takes its settings from, in no order. https://nix.dev/manual/nix/latest/command-ref/conf-file
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} home
 * @returns {string[]}
 */
export function configFiles(env, home) {
  const system = path.join(env['NIX_CONF_DIR'] || '/etc/nix', 'nix.conf');
  if (env['NIX_USER_CONF_FILES'] !== undefined) {
    return [system, ...env['NIX_USER_CONF_FILES'].split(':').filter((file) => file !== '')];
  }
  const folders = [
    env['XDG_CONFIG_HOME'] || path.join(home, '.config'),
    ...(env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':'),
  ];
  return [system, ...folders.map((folder) => path.join(folder, 'nix/nix.conf'))];
}

/**
 * Does this configuration text, or a file it includes, set the setting? To whatever value: an empty one is a choice, too.
 *
 * @param {string} text
 * @param {string} setting
 * @param {string} folder what relative includes start from
 * @returns {boolean}
 */
export function sets(text, setting, folder) {
  return text.split('\n').some((line) => {
    const [name = '', second = '', third = ''] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (name === setting && second === '=') return true;
    if ((name !== 'include' && name !== '!include') || second === '' || third !== '') return false;
    return fileSets(path.resolve(folder, second), setting);
  });
}

/**
 * @param {string} file
 * @param {string} setting
 * @returns {boolean}
 */
function fileSets(file, setting) {
  return existsSync(file) && sets(readFileSync(file, 'utf8'), setting, path.dirname(file));
}

/**
 * NIX_CONFIG for single-user Nix as root on a host without build users. Root's Nix wants a group of them by default,
 * and stops where it does not exist. Undefined where the host has chosen, or where the default works.
 *
 * @param {{ readonly env: NodeJS.ProcessEnv, readonly home: string, readonly groups: ReadonlySet<string> }} host
 * @returns {string | undefined}
 */
export function singleUserNixConfig({ env, home, groups }) {
  const setting = 'build-users-group';
  if (groups.has('nixbld')) return undefined;
  const given = env['NIX_CONFIG'] ?? '';
  if (sets(given, setting, '/')) return undefined;
  if (configFiles(env, home).some((file) => fileSets(file, setting))) return undefined;
  return given === '' ? `${setting} =` : `${given}\n${setting} =`;
}
