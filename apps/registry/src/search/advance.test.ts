import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment } from '@nixery/builder/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { advance, type Advanced, type AdvanceTask } from './advance.ts';
import type { FoundPackage } from './found-package.ts';
import { IndexReader } from './index-reader.ts';
import { parseQuery } from './query.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-search-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** A package set of packages that describe themselves as told, and of whatever else is written. */
async function taskFor(
  packages: Readonly<Record<string, string>>,
  more: string = '',
): Promise<AdvanceTask> {
  const source = join(dir, 'set.nix');
  const expression = `let p = pname: description: {
    type = "derivation"; name = "\${pname}-1"; inherit pname;
    meta = { inherit description; license.spdxId = "MIT"; mainProgram = pname; };
  }; in {
    ${Object.entries(packages)
      .map(([name, about]) => `"${name}" = p "${name}" "${about}";`)
      .join('\n')}
    ${more}
  }`;
  await writeFile(source, expression);
  return {
    file: join(dir, 'index.sqlite'),
    commit: null,
    limits: { attributes: 1_000, bytes: 1024 ** 3 },
    closed: ['pkgs'],
    list: {
      source,
      system: 'x86_64-linux',
      allow: { unfree: false, broken: false, insecure: false, unsupportedSystem: false },
      sets: ['named'],
      env: nixEnvironment(),
      deadlineMs: 60_000,
      maxHeap: 1024 ** 3,
      maxOutput: 1024 ** 2,
    },
  };
}

async function complete(task: AdvanceTask): Promise<readonly Advanced[]> {
  const steps: Advanced[] = [];
  while (steps.at(-1)?.outcome !== 'done' && steps.length < 200) steps.push(await advance(task));
  return steps;
}

function found({ file }: AdvanceTask, text: string): readonly FoundPackage[] {
  const reader = new IndexReader(file);
  try {
    return reader.search(parseQuery(text), 20).packages;
  } finally {
    reader.close();
  }
}

function names(task: AdvanceTask, text: string): readonly string[] {
  return found(task, text).map(({ attribute }) => attribute);
}

describe('an index', () => {
  it('finds first what is called so, then what begins so, names before descriptions', async () => {
    const task = await taskFor({
      jq: 'JSON processor',
      'json-c': 'library',
      gron: 'makes json greppable',
      json: 'the thing itself',
      fx: 'unrelated',
      nlohmann_json: 'header',
    });
    await complete(task);
    expect(names(task, 'json')).toEqual(['json', 'json-c', 'nlohmann_json', 'jq', 'gron']);
    expect(names(task, 'JSO')).toEqual(['json', 'json-c', 'nlohmann_json', 'jq', 'gron']);
    expect(names(task, 'json greppable')).toEqual(['gron']);
    expect(names(task, 'nothing')).toEqual([]);
    expect(names(task, '')).toEqual([]);
  });

  it('holds sets of packages, spelled as the set does and as image names do', async () => {
    const task = await taskFor(
      { bashInteractive: 'shell', _1password: 'vault' },
      `named.pyYAML = p "pyyaml" "yaml";
       open = { recurseForDerivations = true; inner = p "inner" "in a set"; deeper.package = p "deep" "too deep"; };
       shut.hidden = p "hidden" "nobody looks";
       pkgs = { recurseForDerivations = true; again = p "again" "a detour"; };`,
    );
    await complete(task);
    expect(found(task, 'yaml')[0]).toMatchObject({
      attribute: 'named.pyYAML',
      imageName: 'named.pyyaml',
    });
    expect(found(task, 'named.py')[0]).toMatchObject({ imageName: 'named.pyyaml' });
    expect(found(task, 'interactive')[0]).toMatchObject({ imageName: 'bashinteractive' });
    expect(found(task, '_1pass')[0]).toMatchObject({ imageName: '1password', version: '1' });
    expect(names(task, 'inner')).toEqual(['open.inner']);
    for (const text of ['deep', 'hidden', 'again']) expect(names(task, text)).toEqual([]);
  });

  it('passes hostile texts through as they are', async () => {
    const hostile = `<script>alert(1)</script> '; DROP TABLE packages; -- AND OR *`;
    const task = await taskFor({ odd: hostile });
    await complete(task);
    expect(found(task, 'alert')[0]).toMatchObject({ attribute: 'odd', description: hostile });
    expect(found(task, hostile)[0]).toMatchObject({ attribute: 'odd' });
  });

  it('passes over what Nix gives up on, and counts it, however much of it there is', async () => {
    const good = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`good${i}`, 'fine']));
    const task = await taskFor(
      good,
      'good17a = abort "no"; good3a = let x = x; in x; good39a = builtins.fromJSON "{";',
    );
    const steps = await complete(task);
    const skipped = steps.flatMap((step) => (step.outcome === 'skipped' ? [step.attribute] : []));
    expect(skipped.toSorted()).toEqual(['good17a', 'good39a', 'good3a']);
    expect(steps.at(-1)).toMatchObject({
      outcome: 'done',
      progress: { packages: 40, skipped: 3, examined: 43, listed: 43 },
    });
  });

  it('goes on where it was left, in whatever process', async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`package${i}`, 'some']));
    const task = await taskFor(many);
    await advance(task);
    const half = await advance(task);
    expect(half).toMatchObject({ outcome: 'advanced', progress: { done_at: null, listed: 300 } });
    expect(names(task, 'package').length).toBeGreaterThan(0);

    const abort = new AbortController();
    abort.abort();
    expect(await advance(task, abort.signal)).toMatchObject({
      outcome: 'aborted',
      progress: 'progress' in half ? half.progress : undefined,
    });
    const steps = await complete(task);
    expect(steps.at(-1)).toMatchObject({ outcome: 'done', progress: { packages: 300 } });
    expect((await advance(task)).outcome).toBe('done');
  });

  it('leaves out what is beyond its limits, and says how much', async () => {
    const task = {
      ...(await taskFor({ a: 'x', b: 'x', c: 'x', d: 'x' })),
      limits: { attributes: 3, bytes: 1024 ** 3 },
    };
    expect((await complete(task)).at(-1)).toMatchObject({
      outcome: 'done',
      progress: { packages: 3, left_out: 1 },
    });
    const small = { ...task, file: join(dir, 'small'), limits: { attributes: 99, bytes: 1 } };
    expect((await complete(small)).at(-1)).toMatchObject({
      outcome: 'done',
      progress: { packages: 0, left_out: 4 },
    });
  });

  it('blames no attribute where the package set itself cannot be read', async () => {
    const task = await taskFor({ a: 'x' });
    await advance(task);
    await writeFile(task.list.source, 'throw "gone"');
    expect(await advance(task)).toEqual({
      outcome: 'unreadable',
      message: expect.stringContaining('gone'),
    });
    await writeFile(task.list.source, '{ a = 1; }');
    expect((await complete(task)).at(-1)).toMatchObject({
      outcome: 'done',
      progress: { skipped: 0, examined: 1 },
    });
  });

  it('says that it is damaged where it is no index', async () => {
    const task = await taskFor({ a: 'x' });
    await appendFile(
      task.file,
      'this is no database, but long enough to be taken for one'.repeat(99),
    );
    expect(await advance(task)).toMatchObject({ outcome: 'damaged' });
  });
});
