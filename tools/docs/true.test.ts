import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { listSettings } from '@nixery/registry/settings';
import { describe, expect, test } from 'vitest';
import { anchorsOf, codeOf, linksOf } from './markdown.ts';
import { readDocuments, readScripts, readTargets, WORKSPACE } from './workspace.ts';

const documents = await readDocuments();
const scripts = await readScripts();
const targets = await readTargets();
const settings = new Set(listSettings().map(({ name }) => name));

/** Variables that are in documents, and no settings of the server. */
const OTHERS: ReadonlySet<string> = new Set([
  // Of Nixery, and not taken over.
  'NIXERY_COMPUTE_POPULARITY',
  // Stands for one's own.
  'NIXERY_EXAMPLE',
]);

function brokenLinks(file: string, text: string): readonly string[] {
  return linksOf(text)
    .filter(({ target }) => !/^[a-z]+:/.test(target))
    .flatMap(({ target, line }) => {
      const [path = '', anchor] = target.split('#', 2);
      const linked = path === '' ? file : normalize(join(dirname(file), path));
      const isThere = existsSync(join(WORKSPACE, linked));
      const hasAnchor = anchor === undefined || anchorsOf(documents.get(linked) ?? '').has(anchor);
      return isThere && hasAnchor ? [] : [`${file}:${line}: ${target}`];
    });
}

/** npm's scripts, Nx' targets and files that are run and do not exist. */
function brokenCommands(text: string): readonly string[] {
  const code = codeOf(text).join('\n');
  const run = [...code.matchAll(/\bnpm run (?:-\S+ )*([a-z][\w:-]*)/g)].map(
    ([, name = '']) => name,
  );
  const short = [...code.matchAll(/\bnpm (start|test)\b/g)].map(([, name = '']) => name);
  const nx = [...code.matchAll(/\bnx (?:run ([a-z]+:[a-z]+)|(build|test|serve) ([a-z]+))/g)].map(
    ([, whole, target, project]) => whole ?? `${project}:${target}`,
  );
  const files = [...code.matchAll(/\bnode (?:--\S+ )*((?:apps|libs|tools)\/\S+\.[cm]?[jt]s)/g)].map(
    ([, file = '']) => file,
  );
  return [
    ...[...run, ...short].filter((name) => !scripts.has(name)),
    ...nx.filter((name) => !targets.has(name)),
    ...files.filter((file) => !existsSync(join(WORKSPACE, sourceOf(file)))),
  ];
}

/** What is built is not there before it is. */
function sourceOf(file: string): string {
  return file.replace('/dist/', '/src/').replace(/(\/src\/.*)\.js$/, '$1.ts');
}

function unknownVariables(text: string): readonly string[] {
  // A name that ends in an underscore or before a star stands for several.
  return (
    [...text.matchAll(/\bNIXERY_[A-Z0-9_]*[A-Z0-9]\b(?!_?\*)/g)]
      .map(([name]) => name)
      // Those of the tests are no settings of the server.
      .filter(
        (name) => !settings.has(name) && !OTHERS.has(name) && !name.startsWith('NIXERY_TEST_'),
      )
  );
}

describe.each([...documents])('%s', (file, text) => {
  test('links to what is there', () => {
    expect(brokenLinks(file, text)).toEqual([]);
  });

  test('has commands that can be run', () => {
    expect(brokenCommands(text)).toEqual([]);
  });

  test('names variables that there are', () => {
    expect(unknownVariables(text)).toEqual([]);
  });
});

/** The documents that links lead to from `start`, however many it takes. */
function reachedFrom(start: string): ReadonlySet<string> {
  const reached = new Set([start]);
  for (const file of reached) {
    for (const { target } of linksOf(documents.get(file) ?? '')) {
      const linked = normalize(join(dirname(file), target.split('#', 1)[0] ?? ''));
      if (documents.has(linked)) reached.add(linked);
    }
  }
  return reached;
}

test('the map of the documents leads to all that are in its folder', () => {
  const reached = reachedFrom('docs/README.md');
  const pages = [...documents.keys()].filter((file) => /^docs\/[^/]+$/.test(file));
  expect(pages.filter((file) => !reached.has(file))).toEqual([]);
});

test('the map of the documents names each of them once', () => {
  const map = documents.get('docs/README.md') ?? '';
  const targets = linksOf(map).map(({ target }) => target);
  expect(targets.filter((target, index) => targets.indexOf(target) !== index)).toEqual([]);
});
