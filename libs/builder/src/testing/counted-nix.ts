import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Nix's programs, each call of which is noted. */
export interface CountedNix {
  /** A `PATH` that leads to them first. */
  readonly path: string;
  /** Command lines so far: program and arguments. */
  calls(): Promise<readonly string[]>;
  /** Calls that evaluated packages. */
  evaluations(): Promise<number>;
  /** Calls that built derivations. */
  realisations(): Promise<number>;
}

const PROGRAMS = ['nix-instantiate', 'nix-store', 'nix-prefetch-url'];

/** @param dir is made, for the programs and the log */
export async function createCountedNix(dir: string): Promise<CountedNix> {
  const log = join(dir, 'calls');
  const rest = process.env['PATH'] ?? '';
  await mkdir(dir, { recursive: true });
  await writeFile(log, '');
  for (const program of PROGRAMS) {
    const file = join(dir, program);
    // One short write in append mode: calls at the same time do not mix. An argument may hold line breaks.
    const script = [
      '#!/bin/sh',
      `printf '%s\\n' "$(printf '%s' "${program} $*" | tr '\\n' ' ' | cut -c 1-2000)" >> '${log}'`,
      `PATH='${rest}' exec ${program} "$@"`,
    ];
    await writeFile(file, `${script.join('\n')}\n`);
    await chmod(file, 0o755);
  }
  async function calls(): Promise<readonly string[]> {
    return (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
  }
  async function count(pattern: RegExp): Promise<number> {
    return (await calls()).filter((line) => pattern.test(line)).length;
  }
  return {
    path: `${dir}:${rest}`,
    calls,
    evaluations: () => count(/^nix-instantiate /),
    realisations: () => count(/^nix-store --realise .*--log-format/),
  };
}
