import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { constants as osConstants } from 'node:os';
import path from 'node:path';
import type { CommandResult } from './client.ts';

export interface CommandOptions {
  readonly stdin?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Both outputs in the order they came, besides each of them. */
export interface CapturedResult extends CommandResult {
  readonly output: string;
}

/** Runs a program to its end; its exit code is part of the result. Rejects only where it cannot be started. */
export function runCommand(
  argv: readonly string[],
  { stdin, env }: CommandOptions = {},
): Promise<CapturedResult> {
  const [file = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
      output += chunk;
    });
    // A program may end without having read its input.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const exitCode = signal === null ? (code ?? 1) : 128 + osConstants.signals[signal];
      resolve({ code: exitCode, stdout, stderr, output });
    });
  });
}

/** Which of these commands (names on PATH, or absolute paths) are not there? */
export function missingCommands(commands: readonly string[]): string[] {
  const folders = (process.env['PATH'] ?? '').split(':');
  return commands.filter(
    (command) => !folders.some((folder) => isExecutable(path.resolve(folder, command))),
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
