import { BlobError } from '@nixery/storage';
import { missingTools, StateDirInUse } from '@nixery/builder';
import closeWithGrace from 'close-with-grace';

import { type Config, ConfigError, readConfig } from './config.ts';
import { createLogger } from './log.ts';
import { startServer } from './server.ts';

/** sysexits.h, EX_CONFIG: starting again with the same settings would fail again. */
const EX_CONFIG = 78;

/** Longer than answers under way and Nix may take to end (ms). */
const STOP_MS = 40_000;

function refuse(problems: readonly string[]): never {
  for (const problem of problems) process.stderr.write(`nixery: ${problem}\n`);
  process.exit(EX_CONFIG);
}

function settings(): ReturnType<typeof readConfig> {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) refuse(error.problems);
    throw error;
  }
}

/** What a person can mend, in a sentence; undefined for what is a fault of ours. */
function explain(error: unknown, config: Config): string | undefined {
  if (error instanceof BlobError || error instanceof StateDirInUse) return error.message;
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  if ('syscall' in error && error.syscall === 'listen') {
    const where = `port ${config.port}${config.host === undefined ? '' : ` of ${config.host}`}`;
    return code === 'EADDRINUSE'
      ? `${where} is in use: stop what listens there, or set PORT to another one`
      : `cannot listen on ${where} (${String(code)}): set PORT and NIXERY_HOST to what this user may use`;
  }
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR') {
    return `the state folder ${config.stateDir} cannot be written (${code}): make it writable, or set NIXERY_STATE_DIR to another one`;
  }
  return undefined;
}

const { config, warnings } = settings();
const missing = await missingTools(config.source.kind, process.env);
if (missing.length > 0) {
  refuse([
    `${missing.join(', ')} cannot be found: install Nix${missing.includes('git') ? ' and git' : ''} ` +
      `(on Debian: apt-get install nix-bin${missing.includes('git') ? ' git' : ''}) and see that PATH leads to it`,
  ]);
}
const logger = createLogger(config);
for (const warning of warnings) logger.warn(warning);

const server = await startServer(config, logger).catch((error: unknown) => {
  const explanation = explain(error, config);
  if (explanation !== undefined) refuse([explanation]);
  throw error;
});

closeWithGrace({ delay: STOP_MS, logger: false }, async ({ err, signal }) => {
  if (err) logger.fatal({ err }, 'the server failed');
  else logger.info({ signal }, 'stopping');
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
