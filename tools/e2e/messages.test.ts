import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Client, ImageReference } from './clients/client.ts';
import { clientCases } from './clients/each.ts';
import { type RegistryServer, startRegistry } from './server.ts';
import { outputPattern, readTranscripts } from './transcripts.ts';

const documentation = readFileSync(
  new URL('../../docs/troubleshooting.md', import.meta.url),
  'utf8',
);
const transcripts = readTranscripts(documentation);
const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string() })).length(1),
});

/** The clients by the command that the document has them called by. buildah prints what podman does. */
const COMMANDS: Readonly<Record<string, string>> = { containerd: 'ctr', buildah: 'podman' };

interface MessageCase {
  /** Of the document. */
  readonly section: string;
  readonly name: string;
  /** What is answered, as the document says it. */
  readonly answer: string;
  readonly message: RegExp;
  /** Asked of a server that is busy building; pushed instead of pulled. */
  readonly how?: 'busy' | 'push';
}

const TOO_LONG = `${'a/'.repeat(130)}a`;

const messages: readonly MessageCase[] = [
  {
    section: 'Packages that are not there',
    name: 'helo',
    answer: '404 MANIFEST_UNKNOWN',
    message: /^package "helo" was not found; did you mean hello\?$/,
  },
  {
    section: 'Unfree packages',
    name: 'unfree',
    answer: '403 DENIED',
    message: /^package "unfree" is unfree .* NIXPKGS_ALLOW_UNFREE=1$/,
  },
  {
    section: 'Broken packages',
    name: 'broken',
    answer: '403 DENIED',
    message: /^package "broken" is broken; .* NIXPKGS_ALLOW_BROKEN=1$/,
  },
  {
    section: 'Builds that fail',
    name: 'failing',
    answer: '422 MANIFEST_INVALID',
    message:
      /^building failing-1\.0\.drv failed\nmore: \S+\/builds\/\S+\nthe end of its log:\n(failing line \d+\n)+/,
  },
  {
    section: 'Derivations that take too long',
    name: 'slow20',
    answer: '422 MANIFEST_INVALID',
    message: /^building slow20-1\.0\.drv failed: .* NIX_TIMEOUT allows\nmore: /,
  },
  {
    section: 'Too many builds',
    name: 'hello',
    answer: '429 TOOMANYREQUESTS',
    message: /^too many images are being built; try again in a moment$/,
    how: 'busy',
  },
  {
    section: 'Pushes',
    name: 'mine',
    answer: '405 UNSUPPORTED',
    message: /^this registry builds images on demand from their names; nothing can be pushed/,
    how: 'push',
  },
  {
    section: 'Names that are too long, or hold what no name may',
    name: TOO_LONG,
    answer: '400 NAME_INVALID',
    message: /^image name has 261 characters; the limit is 255$/,
  },
];

const cases = await clientCases();
let dir: string;
let registry: RegistryServer;
let busy: RegistryServer;
/** What each client printed, by the sections of the document. */
const printed = new Map<Client, ReadonlyMap<string, string>>();

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-messages-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  const env = { NIXERY_PKGS_PATH: packages };
  registry = await startRegistry(path.join(dir, 'registry'), { ...env, NIX_TIMEOUT: '2' });
  busy = await startRegistry(path.join(dir, 'busy'), {
    ...env,
    NIXERY_MAX_BUILDS: '1',
    NIXERY_HOLD_SECONDS: '1',
  });
  const clients = cases.filter(({ obstacle }) => obstacle === null).map(({ client }) => client);
  for (const client of clients) {
    await client.start(mkdtempSync(path.join(dir, `${client.name}-`)));
  }
  // skopeo gives up after 20 s. podman and buildah then try it all again, and get what they ask for once this is done.
  await fetch(`${busy.url}/v2/slow30/manifests/latest`, { redirect: 'manual' });
  await Promise.all(
    clients.map(async (client) => {
      const [waited, ...asked] = await Promise.all([
        printedOf(client, ({ how }) => how === 'busy'),
        printedOf(client, ({ how }) => how !== 'busy'),
      ]);
      printed.set(client, new Map([...waited, ...asked.flatMap((entries) => [...entries])]));
    }),
  );
}, 600_000);
afterAll(async () => {
  await Promise.all(cases.map(({ client }) => client.stop()));
  await registry?.stop();
  await busy?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** One message after the other, as one person would. */
async function printedOf(
  client: Client,
  filter: (message: MessageCase) => boolean,
): Promise<ReadonlyMap<string, string>> {
  const outputs = new Map<string, string>();
  for (const message of messages.filter(filter)) {
    const output = await provoke(client, message);
    outputs.set(message.section, output.replaceAll(registry.host, 'registry.example'));
  }
  return outputs;
}

async function provoke(client: Client, { how, name }: MessageCase): Promise<string> {
  const image: ImageReference = { host: registry.host, name, reference: 'latest' };
  if (how === 'busy') {
    const { output } = await client.pull({ ...image, host: busy.host });
    return output.replaceAll(busy.host, registry.host);
  }
  if (how !== 'push') return (await client.pull(image)).output;
  const hello = { ...image, name: 'hello' };
  await client.pull(hello);
  return (await client.push(hello, image)).output;
}

function documented(section: string, client: string): RegExp {
  const command = COMMANDS[client] ?? client;
  const found = transcripts.find(
    (transcript) => transcript.section === section && transcript.command.startsWith(`${command} `),
  );
  const output = found?.output ?? `nothing of ${command}`;
  // buildah's own words are others than podman's here and there; the registry's are the same.
  return client === 'buildah'
    ? new RegExp(RegExp.escape(lastWords(output)))
    : outputPattern(output);
}

/** What follows the last colon: the registry's words, or a part of them. */
function lastWords(output: string): string {
  const line = output.split('\n').findLast((text) => text !== '…') ?? '';
  return line.slice(line.lastIndexOf(': ') + 1).replace(/"$/, '');
}

test('the document has a transcript of every client for each of these messages, and no others', () => {
  const sections = messages.flatMap(({ section }) =>
    ['docker', 'podman', 'skopeo', 'ctr'].map((command) => `${section}: ${command}`),
  );
  expect(
    transcripts.map(({ command, section }) => `${section}: ${command.replace(/ .*/, '')}`),
  ).toEqual(sections);
});

describe.for([...messages])('$section', ({ answer, section }) => {
  test('has its answer in the document', () => {
    const text = documentation.split(`## ${section}\n`)[1]?.split('\n## ')[0];
    expect(text).toContain(`\`${answer}\``);
  });

  test.for(cases)('is printed by $name as documented', ({ client, obstacle }, { skip }) => {
    if (obstacle !== null) skip(obstacle);
    const output = printed.get(client)?.get(section)?.replaceAll(TOO_LONG, 'a/a/…/a');
    expect(output).toMatch(documented(section, client.name));
  });
});

test.for(messages.filter(({ how }) => how === undefined))(
  '$section: the registry answers as documented',
  async ({ answer, message, name }) => {
    const response = await fetch(`${registry.url}/v2/${name}/manifests/latest`);
    const [error] = errorsSchema.parse(await response.json()).errors;
    expect(`${response.status} ${error?.code}`).toBe(answer);
    expect(error?.message).toMatch(message);
  },
);

describe('the log of a failed build', () => {
  test('is 2 KiB at most, and without control characters', async () => {
    for (const name of ['failing', 'failingnoisily']) {
      const response = await fetch(`${registry.url}/v2/${name}/manifests/latest`);
      const [error] = errorsSchema.parse(await response.json()).errors;
      const [, log = ''] = error?.message.split('the end of its log:\n') ?? [];
      expect(log).not.toBe('');
      expect(Buffer.byteLength(log)).toBeLessThanOrEqual(2048);
      // eslint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(log).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }
  });
});
