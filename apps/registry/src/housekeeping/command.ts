import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import {
  checkStorage,
  collectGarbage,
  type Finding,
  importStorage,
  type Progress,
} from '@nixery/builder';
import { BlobError, type BlobReader, openFilesystemReader } from '@nixery/storage';
import { z } from 'zod';

import { openStore } from '../open-store.ts';
import { readStorage, type StorageConfig, storageVariables } from '../storage-config.ts';
import { type Command, parseCommand, USAGE, UsageError } from './arguments.ts';
import { checkText, findingText, collectionText, importText } from './report.ts';
import { progressLines } from './progress-lines.ts';

/** sysexits.h */
const EX_USAGE = 64;
const EX_TEMPFAIL = 75;
const EX_CONFIG = 78;
/** As shells tell of who was interrupted. */
const INTERRUPTED = 130;
const FOUND = 1;

/** Settings or a place that cannot be used. */
class PlaceError extends Error {
  override readonly name = 'PlaceError';
}

interface Surroundings {
  readonly storage: StorageConfig;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Runs `storage <command>`: prints its report to the standard output, and how far it is to the standard error.
 *
 * @returns the exit code
 */
export async function runCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  try {
    const command = parseCommand(args);
    if (command.name === 'help') {
      process.stdout.write(USAGE);
      return 0;
    }
    const around = { storage: storageOf(env), signal, onProgress: progressLines(process.stderr) };
    return await run(command, around);
  } catch (error) {
    if (signal.aborted) return INTERRUPTED;
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`storage: ${error.message}\n\n${USAGE}`);
    return EX_USAGE;
  }
  if (error instanceof PlaceError || error instanceof BlobError) {
    process.stderr.write(`storage: ${error.message}\n`);
    const mayPass = error instanceof BlobError && error.code === 'unavailable';
    return mayPass ? EX_TEMPFAIL : EX_CONFIG;
  }
  throw error;
}

async function run(command: Exclude<Command, { name: 'help' }>, around: Surroundings) {
  switch (command.name) {
    case 'check':
      return await check(command, around);
    case 'gc':
      return await collect(command, around);
    case 'import':
      return await bringIn(command, around);
  }
}

async function check(
  { content, json, repair }: Extract<Command, { name: 'check' }>,
  { storage, ...work }: Surroundings,
): Promise<number> {
  const findings: Finding[] = [];
  const store = await openStore(storage);
  const report = await checkStorage({
    ...work,
    store,
    content,
    repair,
    onFinding: (finding) => {
      if (json) findings.push(finding);
      else process.stdout.write(`${findingText(finding)}\n`);
    },
  });
  print(json, { ...report, findings }, checkText(report, repair));
  return report.findings > 0 ? FOUND : 0;
}

async function collect(
  command: Extract<Command, { name: 'gc' }>,
  { storage, ...work }: Surroundings,
): Promise<number> {
  const store = await openStore(storage);
  const report = await collectGarbage({ ...work, ...command, store });
  print(command.json, report, collectionText(report));
  if (report.end === 'interrupted') return INTERRUPTED;
  return report.end === 'done' ? 0 : FOUND;
}

async function bringIn(
  { copy, from, json }: Extract<Command, { name: 'import' }>,
  { storage, ...work }: Surroundings,
): Promise<number> {
  const source = await openSource(from, storage);
  const store = await openStore(storage);
  const folder = storage.backend === 'filesystem' ? join(storage.path, 'tmp') : tmpdir();
  const spoolDir = await mkdtemp(join(folder, 'import-'));
  try {
    const report = await importStorage({
      ...work,
      from: source,
      store,
      copy,
      spoolDir,
      onDamaged: (digest) => {
        process.stderr.write(`${digest} is damaged or gone there, and is left out\n`);
      },
    });
    print(json, report, importText(report));
    return report.damaged > 0 ? FOUND : 0;
  } finally {
    await rm(spoolDir, { recursive: true, force: true });
  }
}

async function openSource(from: string, storage: StorageConfig): Promise<BlobReader> {
  const [, scheme, bucket] = /^(gs|s3):\/\/([^/]+)\/?$/.exec(from) ?? [];
  if (bucket === undefined) {
    if (storage.backend === 'filesystem' && resolve(from) === resolve(storage.path)) {
      throw new PlaceError(`${from} is the storage itself`);
    }
    return await openFilesystemReader(from);
  }
  const backend = scheme === 'gs' ? 'gcs' : 's3';
  if (storage.backend === backend && storage.bucket === bucket) {
    throw new PlaceError(`${from} is the storage itself`);
  }
  return await openStore(
    backend === 'gcs' ? { backend, bucket, signing: undefined } : { backend, bucket },
  );
}

/** @throws PlaceError naming every variable that cannot be used */
function storageOf(env: NodeJS.ProcessEnv): StorageConfig {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const issues = z.object(storageVariables).safeParse(set).error?.issues ?? [];
  const { problems, storage } = readStorage(set);
  const mistakes = [
    ...issues.map(({ message, path }) => `${path.join('.')} ${message}`),
    ...problems,
  ];
  if (storage === undefined || mistakes.length > 0) {
    throw new PlaceError(mistakes.join('\nstorage: '));
  }
  return storage;
}

function print(json: boolean, report: object, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : text);
}
