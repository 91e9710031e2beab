import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { countTests, listFailures, summarise } from './report.mjs';
import { run } from './run.mjs';
import { preparePackages } from './start.mjs';
import { findCommand, root, tool } from './workspace.mjs';

/** @import { RunResult } from './run.mjs' */
/** @import { StepResult } from './report.mjs' */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {readonly string[]} command
 * @property {Readonly<Record<string, string>>} [reports] project -> the report that its tests leave
 */

/**
 * Every project with a package.json has tests.
 *
 * @param {string} workspace
 * @returns {string[]} folders, relative to the workspace
 */
function projectFolders(workspace) {
  const grouped = ['apps', 'libs'].flatMap((group) =>
    readdirSync(path.join(workspace, group)).map((name) => `${group}/${name}`),
  );
  return [...grouped, 'tools'].filter((folder) =>
    existsSync(path.join(workspace, folder, 'package.json')),
  );
}

/**
 * @returns {Step[]}
 */
function steps() {
  const reports = projectFolders(root).map((folder) => [
    folder,
    path.join(root, folder, 'test-results/vitest.json'),
  ]);
  return [
    { name: 'format', command: [...tool('prettier'), '--check', '--log-level=warn', '.'] },
    { name: 'lint', command: [...tool('oxlint'), '--type-aware', '--deny-warnings'] },
    { name: 'dead code', command: [...tool('knip'), '--treat-config-hints-as-errors'] },
    { name: 'types and build', command: [...tool('tsc'), '-b'] },
    {
      name: 'tests',
      // One project at a time: their tests build with Nix and use every core.
      command: [
        ...tool('nx'),
        'run-many',
        '-t',
        'test',
        '--skip-nx-cache',
        '--parallel=1',
        '--output-style=stream',
      ],
      reports: Object.fromEntries(reports),
    },
    {
      name: 'end-to-end tests',
      command: [...tool('vitest'), 'run', '--config', 'tools/e2e/vitest.config.ts'],
      reports: { 'tools/e2e': path.join(root, 'tools/test-results/e2e.json') },
    },
  ];
}

/**
 * Runs every check and every test, whatever fails on the way, and prints the count.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{ readonly long: boolean }} options
 * @returns {Promise<number>} the exit code
 */
export async function verify(env, { long }) {
  const plan = steps();
  for (const file of plan.flatMap((step) => Object.values(step.reports ?? {})))
    rmSync(file, { force: true });
  const stepEnv = { ...env, ...(long ? { NIXERY_TEST_LONG: '1' } : {}) };

  /** @type {StepResult[]} */
  const results = [];
  /**
   * @param {string} name
   * @param {() => Promise<RunResult>} action
   * @param {Step['reports']} [reports]
   */
  async function record(name, action, reports) {
    console.log(`\n── ${name}`);
    const started = performance.now();
    const { code, interrupted } = await action();
    const milliseconds = performance.now() - started;
    results.push({
      name,
      milliseconds,
      code,
      ...(reports === undefined ? {} : { projects: Object.entries(reports).map(readReport) }),
    });
    return interrupted;
  }

  if (findCommand('apt-get', env['PATH']) !== undefined) {
    if (await record('offline packages', () => preparePackages(stepEnv))) return 130;
  }
  for (const { name, command, reports } of plan) {
    const interrupted = await record(
      name,
      () => run(command, { cwd: root, env: stepEnv, ownGroup: true, signals: 'group' }),
      reports,
    );
    if (interrupted) return 130;
  }
  const { lines, code } = summarise(results, { ci: env['CI'] === 'true' });
  console.log(`\n${lines.join('\n')}`);
  return code;
}

/**
 * @param {[project: string, file: string]} entry
 */
function readReport([project, file]) {
  if (!existsSync(file)) return { project, counts: undefined };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  return { project, counts: countTests(report), failures: listFailures(report) };
}
