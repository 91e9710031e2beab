// `npm start`, `npm test` and `nx serve`: install what is missing, saying so first, then do it. Runs on Node 20, with nothing installed.
import { fileURLToPath } from 'node:url';
import { installDebianPackages } from './debian.mjs';
import { SetupError } from './errors.mjs';
import { installModules, modulesProblem } from './modules.mjs';
import { missingDaemonPackage, prepareNix, withNixPath } from './nix.mjs';
import { daemonCommands } from './nix-daemon.mjs';
import { isRoot } from './privilege.mjs';
import { missingRequirements, requirements } from './requirements.mjs';
import { run } from './run.mjs';
import { start } from './start.mjs';
import { verify } from './verify.mjs';
import { compileCache, withAdministratorPath } from './workspace.mjs';

const modes = ['start', 'serve', 'test', 'test:long'];

/** How this program starts itself again inside the Nix daemon's group; their presence says that it has. */
const againVariables = ['NIXERY_SETUP_NODE', 'NIXERY_SETUP_MAIN', 'NIXERY_SETUP_MODE'];

/**
 * @param {string} text
 */
function say(text) {
  console.error(text);
}

/**
 * @param {string | undefined} mode
 * @returns {Promise<number>} the exit code
 */
async function main(mode) {
  if (mode === undefined || !modes.includes(mode)) {
    throw new SetupError('usage', `usage: node tools/setup/main.mjs ${modes.join('|')}`);
  }
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    NODE_COMPILE_CACHE: compileCache,
    ...process.env,
    PATH: withAdministratorPath(withNixPath(process.env['PATH'])),
  };
  const tests = mode === 'test' || mode === 'test:long';
  await install({ test: tests }, env);

  const nix = await prepareNix(env, say);
  if (nix.sg !== undefined && againVariables.every((name) => env[name] === undefined)) {
    return startInGroup(nix.sg, mode, env);
  }
  const toolEnv = Object.fromEntries(
    Object.entries({ ...env, ...nix.env }).filter(([name]) => !againVariables.includes(name)),
  );
  return tests
    ? verify(toolEnv, { long: mode === 'test:long' })
    : start(toolEnv, { watch: mode === 'serve' });
}

/**
 * @param {{ readonly test: boolean }} what
 * @param {NodeJS.ProcessEnv} env
 */
async function install({ test }, env) {
  const daemon = missingDaemonPackage(env);
  const missing = [
    ...missingRequirements(requirements, { test, isRoot, searchPath: env['PATH'] }),
    ...daemon,
  ];
  const modules = modulesProblem();
  if (missing.length === 0 && modules === undefined) return;

  say('To be installed first:');
  const width = Math.max(0, ...missing.map((requirement) => requirement.package.length));
  for (const requirement of missing) {
    say(`  ${requirement.package.padEnd(width)}  ${requirement.why} (Debian package)`);
  }
  if (modules !== undefined) say(`  npm ci: ${modules}`);
  if (missing.length > 0) {
    await installDebianPackages(missing, env, daemon.length > 0 ? daemonCommands(env) : []);
  }
  if (modules !== undefined) await installModules(env);
  say('Installed.');
}

/**
 * Starts this program again as a member of the group. No value passes through the shell that sg starts.
 *
 * @param {{ readonly file: string, readonly group: string }} sg
 * @param {string} mode
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
async function startInGroup({ file, group }, mode, env) {
  // sg passes no signal on: its end is the signal.
  const command =
    'exec setpriv --pdeathsig SIGTERM -- "$NIXERY_SETUP_NODE" "$NIXERY_SETUP_MAIN" "$NIXERY_SETUP_MODE"';
  const { code } = await run([file, group, '-c', command], {
    env: {
      ...env,
      NIXERY_SETUP_NODE: process.execPath,
      NIXERY_SETUP_MAIN: fileURLToPath(import.meta.url),
      NIXERY_SETUP_MODE: mode,
    },
  });
  return code;
}

try {
  process.exitCode = await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
