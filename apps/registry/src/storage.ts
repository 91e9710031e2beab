import { runCommand } from './housekeeping/command.ts';

/** Told twice to end, it ends at once. */
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.abort());
}

process.exitCode = await runCommand(process.argv.slice(2), process.env, interrupted.signal);
