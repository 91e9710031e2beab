import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

import {
  missingTools,
  nixProblem,
  redactSecrets,
  type SourceOptions,
  withNixOptions,
} from '@nixery/builder';
import closeWithGrace from 'close-with-grace';

import { AccessFileError } from './access/access-file.ts';
import { type Config, ConfigError, type Places, readConfig } from './config.ts';
import { diagnose, type Problem } from './diagnose.ts';
import { createLogger } from './log.ts';
import { startServer } from './server.ts';

/** sysexits.h, EX_CONFIG: starting again with the same settings would fail again. */
const EX_CONFIG = 78;
/** sysexits.h, EX_TEMPFAIL: it may not, and a supervisor should try. */
const EX_TEMPFAIL = 75;

/** Longer than answers under way and Nix may take to end (ms). */
const STOP_MS = 40_000;

function refuse(problems: readonly Problem[]): never {
  for (const { message } of problems) process.stderr.write(`nixery: ${redactSecrets(message)}\n`);
  process.exit(problems.every(({ mayPass }) => mayPass) ? EX_TEMPFAIL : EX_CONFIG);
}

async function settings(): Promise<ReturnType<typeof readConfig>> {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return refuse([
      ...[...error.problems, ...error.warnings].map((message) => ({ message, mayPass: false })),
      ...(await toolProblems('path')),
      ...(await diagnose(error.places)),
    ]);
  }
}

async function toolProblems(kind: SourceOptions['kind']): Promise<readonly Problem[]> {
  const missing = await missingTools(kind, process.env);
  if (missing.length === 0) return [];
  const git = missing.includes('git');
  const message =
    `${missing.join(', ')} cannot be found: install Nix${git ? ' and git' : ''} ` +
    `(on Debian: apt-get install nix-bin${git ? ' git' : ''}) and see that PATH leads to it`;
  return [{ message, mayPass: false }];
}

async function tellWhatHindersBuilds(): Promise<void> {
  const nix = nixProblem(withNixOptions(process.env, config.nixOptions));
  for (const reason of await Promise.all([nix, folderProblem(config.source)])) {
    if (reason !== null) logger.error({ reason }, 'nothing can be built');
  }
}

/** The folder may be mounted or made later, and known images are served without it: no reason not to start. */
async function folderProblem(source: Config['source']): Promise<string | null> {
  if (source.kind !== 'path') return null;
  const file = join(source.path, 'default.nix');
  try {
    await access(file, constants.R_OK);
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    return `NIXERY_PKGS_PATH: ${file} cannot be read (${String(code)})`;
  }
}

function placesOf({ host, popularityUrl, port, storage, stateDir }: Config): Places {
  return { host, port, storage, stateDir, popularityUrl };
}

const { config, warnings } = await settings();
const tools = await toolProblems(config.source.kind);
if (tools.length > 0) refuse([...tools, ...(await diagnose(placesOf(config)))]);

const logger = createLogger(config);
for (const warning of warnings) logger.warn(warning);

const server = await startServer(config, logger).catch(async (error: unknown) => {
  const problems = await diagnose(placesOf(config));
  if (error instanceof AccessFileError) {
    refuse([{ message: error.message, mayPass: false }, ...problems]);
  }
  if (problems.length > 0) refuse(problems);
  logger.fatal({ err: error }, 'the server cannot start');
  logger.flush();
  process.exit(1);
});

// Images that are known are served without Nix, so nobody waits for this.
const probed = tellWhatHindersBuilds();

closeWithGrace({ delay: STOP_MS, logger: false }, async ({ err, signal }) => {
  if (err) logger.fatal({ err }, 'the server failed');
  else logger.info({ signal }, 'stopping');
  await probed;
  await server.stop();
  logger.info('stopped');
  logger.flush();
});

const { host, port } = server;
logger.info({ host, port }, 'listening');
const shown = host.includes(':') ? `[${host}]` : host;
logger.info(
  `try: docker pull ${['::', '0.0.0.0'].includes(host) ? 'localhost' : shown}:${port}/shell/git`,
);
