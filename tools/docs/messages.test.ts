import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { messagesOf } from './messages.ts';
import { WORKSPACE } from './workspace.ts';

/** Files that give people messages, and how many they give at least. */
const SOURCES: Readonly<Record<string, number>> = {
  'apps/registry/src/access/access.ts': 3,
  'apps/registry/src/access/policy.ts': 3,
  'apps/registry/src/http/errors.ts': 20,
  'libs/builder/src/builds.ts': 3,
  'libs/builder/src/image-name.ts': 5,
  'libs/builder/src/nix/evaluate.ts': 2,
  'libs/builder/src/nix/failure.ts': 4,
  'libs/builder/src/nix/realise.ts': 3,
  'libs/builder/src/reach.ts': 1,
  'libs/builder/src/source/channel.ts': 3,
  'libs/builder/src/source/path.ts': 1,
  'libs/builder/src/source/store.ts': 1,
};

const document = readFileSync(join(WORKSPACE, 'docs/troubleshooting.md'), 'utf8');

test('messages are found in a source, without the values that are put into them', () => {
  const source = `
    throw new BuildError('name-invalid', 'this is a sentence');
    throw new HttpError(
      404,
      'NAME_UNKNOWN',
      "it's another one here",
    );
    const message = \`the first \${count} of a few more words\`;
    return 'word';
  `;
  expect(messagesOf(source)).toEqual([
    'this is a sentence',
    "it's another one here",
    'of a few more words',
  ]);
});

describe.each(Object.entries(SOURCES))('the messages of %s', (file, least) => {
  const messages = messagesOf(readFileSync(join(WORKSPACE, file), 'utf8'));

  test('are found', () => {
    expect(messages.length).toBeGreaterThanOrEqual(least);
  });

  test('are all in docs/troubleshooting.md', () => {
    expect(messages.filter((message) => !document.includes(message))).toEqual([]);
  });
});
