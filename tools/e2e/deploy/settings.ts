import { listSettings } from '@nixery/registry/settings';
import { readConfig } from '../../../apps/registry/src/config.ts';

const settings = listSettings().map(({ name }) => name);

/** What Nix, Node and the libraries of buckets read themselves. */
const OTHERS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_ENDPOINT_URL_S3',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'HOME',
  'NIX_REMOTE',
];

/** What is wrong with an environment that a server is to be started with: nothing, if all is well. */
export function settingProblems(env: Readonly<Record<string, string>>): readonly string[] {
  const unknown = Object.keys(env).filter(
    (name) => !settings.includes(name) && !OTHERS.includes(name),
  );
  const problems = unknown.map((name) => `${name} is no setting of the server`);
  try {
    return [...problems, ...readConfig(env).warnings];
  } catch (error) {
    return [...problems, error instanceof Error ? error.message : String(error)];
  }
}

/** Environment files of systemd and Compose, without quotes or continuations: NAME=value lines. */
export function parseEnvFile(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map(assignment));
}

export function assignment(text: string): readonly [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`no NAME=value: ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}
