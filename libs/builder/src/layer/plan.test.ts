import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LAYER_BUDGET, planLayers, type PlanOptions } from './plan.ts';
import { storeName } from './store-name.ts';
import type { LayerPlan, StorePathInfo } from './types.ts';

const KIB = 1024;
const LARGE = 1024 * KIB;

interface PathOptions {
  readonly size?: number;
  readonly refersTo?: readonly string[];
  readonly hash?: string;
}

function storePath(name: string, hash = '0'): string {
  return `/nix/store/${hash.repeat(32)}-${name}`;
}

function path(name: string, { size = KIB, refersTo = [], hash }: PathOptions = {}): StorePathInfo {
  return {
    path: storePath(name, hash),
    narHash: `sha256:${'0'.repeat(64)}`,
    narSize: size,
    references: refersTo.map((other) => storePath(other, hash)),
  };
}

/** Graphs as a store has them: no circles but a path's own, sizes on both sides of what is small, some equal names. */
const graph: fc.Arbitrary<StorePathInfo[]> = fc
  .array(
    fc.record({
      name: fc.constantFrom('glibc-2.40', 'git-2.47', 'jq', 'openssl-3.0'),
      size: fc.oneof(fc.nat(5), fc.nat(400 * KIB)),
      links: fc.array(fc.nat(200), { maxLength: 6 }),
    }),
    { maxLength: 200 },
  )
  .map((nodes) => {
    const paths = nodes.map(({ name }, i) => `/nix/store/${`${i}`.padStart(32, '0')}-${name}`);
    return nodes.map(({ size, links }, i) => ({
      path: paths[i] ?? '',
      narHash: `sha256:${'0'.repeat(64)}` as const,
      narSize: size,
      references: links.flatMap((link) => (link <= i ? (paths[link] ?? []) : [])),
    }));
  });

const budget = fc.integer({ min: -1, max: 250 });
const popularity: fc.Arbitrary<PlanOptions['popularity']> = fc.option(
  fc.constant(
    new Map([
      ['glibc-2.40', 4000],
      ['git-2.47', 1],
      ['jq', 1],
    ]),
  ),
  { nil: undefined },
);
const options = fc.record({ budget, popularity });

/** The same name with a hash that no other path has. */
function elsewhere(path: string): string {
  return path.replace('/store/0', '/store/z');
}

/** A layer as a client tells it from another: by what is in it. */
function identities(plan: LayerPlan): string[] {
  return plan.map(({ paths }) => paths.map(({ path }) => path).join());
}

/** Names by layer, to read. */
function names(plan: LayerPlan): string[][] {
  return plan.map(({ paths }) => paths.map(({ path }) => storeName(path)));
}

describe('any plan', () => {
  test('has every path in exactly one layer', () => {
    fc.assert(
      fc.property(graph, options, (paths, options) => {
        const planned = planLayers(paths, options).flatMap((layer) => layer.paths);
        expect(planned.map(({ path }) => path).sort()).toEqual(
          paths.map(({ path }) => path).sort(),
        );
      }),
    );
  });

  test('never exceeds the budget and has no empty layer', () => {
    fc.assert(
      fc.property(graph, options, (paths, options) => {
        const plan = planLayers(paths, options);
        expect(plan.length).toBeLessThanOrEqual(Math.max(1, options.budget));
        expect(plan.every((layer) => layer.paths.length > 0)).toBe(true);
      }),
    );
  });

  test('is the same in whatever order the graph comes, and every time', () => {
    const shuffled = graph.chain((paths) => {
      const length = { minLength: paths.length, maxLength: paths.length };
      return fc.tuple(fc.constant(paths), fc.shuffledSubarray(paths, length));
    });
    fc.assert(
      fc.property(shuffled, options, ([paths, others], options) => {
        expect(planLayers(others, options)).toEqual(planLayers(paths, options));
      }),
    );
  });

  test('keeps its layers when packages that share nothing with it are added', () => {
    const unrelated = graph.map((paths) => {
      return paths.map((info) => ({
        ...info,
        path: elsewhere(info.path),
        references: info.references.map(elsewhere),
      }));
    });
    fc.assert(
      fc.property(graph, unrelated, (paths, more) => {
        const before = identities(planLayers(paths, { budget: 1000 }));
        const after = identities(planLayers([...more, ...paths], { budget: 1000 }));
        expect(after).toEqual(expect.arrayContaining(before));
      }),
    );
  });

  test('with popularity, changes at most a layer for each path that is added', () => {
    const options = {
      budget: 1000,
      popularity: new Map([
        ['glibc-2.40', 4000],
        ['jq', 1],
      ]),
    };
    fc.assert(
      fc.property(graph, fc.nat(400 * KIB), (paths, size) => {
        const before = identities(planLayers(paths, options));
        const after = identities(planLayers([...paths, path('jq', { size, hash: 'z' })], options));
        expect(before.filter((layer) => !after.includes(layer)).length).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('groups new versions of everything as it grouped the old ones', () => {
    fc.assert(
      fc.property(graph, options, (paths, options) => {
        const [before, after] = [numbered(paths, false), numbered(paths, true)].map((version) =>
          names(planLayers(version, options)),
        );
        expect(after).toEqual(before);
      }),
    );
  });

  test('changes no layer but those with what a new version is of, or what stands on it', () => {
    fc.assert(
      fc.property(graph, fc.nat(199), options, (paths, chosen, options) => {
        const before = numbered(paths, false);
        const after = withNewVersion(before, before[chosen % before.length]?.path ?? '');
        const there = new Set(after.map(({ path }) => path));
        const untouched = planLayers(before, options).filter((layer) =>
          layer.paths.every(({ path }) => there.has(path)),
        );
        expect(identities(planLayers(after, options))).toEqual(
          expect.arrayContaining(identities(untouched)),
        );
      }),
    );
  });
});

/** Another hash for a path and all that refers to it, directly or not. Paths come after what they refer to. */
function withNewVersion(graph: readonly StorePathInfo[], changed: string): StorePathInfo[] {
  const renamed = new Map<string, string>();
  return graph.map((info) => {
    const references = info.references.map((path) => renamed.get(path) ?? path);
    if (info.path !== changed && !info.references.some((path) => renamed.has(path))) return info;
    renamed.set(info.path, elsewhere(info.path));
    return { ...info, references, path: elsewhere(info.path) };
  });
}

/** Names that tell all paths apart, as they nearly always do, and hashes in this order or in that. */
function numbered(graph: readonly StorePathInfo[], reversed: boolean): StorePathInfo[] {
  const renamed = new Map(
    graph.map(({ path }, i) => {
      const hash = reversed ? graph.length - i : i;
      return [path, `/nix/store/${`${hash}`.padStart(32, '0')}-${storeName(path)}-${i}`];
    }),
  );
  const rename = (path: string) => renamed.get(path) ?? path;
  return graph.map((info) => ({
    ...info,
    path: rename(info.path),
    references: info.references.map(rename),
  }));
}

describe('planLayers', () => {
  test('puts a large path alone, and small ones with those that the same packages need', () => {
    const plan = planLayers([
      path('git', { refersTo: ['git-data', 'pcre', 'libc'] }),
      path('git-data'),
      path('pcre', { refersTo: ['libc'] }),
      path('jq', { refersTo: ['libjq', 'libc'] }),
      path('libjq', { refersTo: ['libc'] }),
      path('libc', { size: LARGE, refersTo: ['libgcc', 'libidn'] }),
      path('libgcc'),
      path('libidn', { refersTo: ['libgcc'] }),
    ]);
    expect(names(plan)).toEqual([
      ['libc'],
      ['git', 'git-data', 'pcre'],
      ['jq', 'libjq'],
      ['libgcc', 'libidn'],
    ]);
  });

  test('with popularity, puts small paths with those that are as popular', () => {
    const popularity = new Map([
      ['libgcc', 100],
      ['libidn', 110],
      ['pcre', 8],
      ['git', 0],
    ]);
    const graph = [
      path('git', { refersTo: ['pcre', 'libidn', 'libgcc'] }),
      ...['pcre', 'libidn', 'libgcc', 'unheard-of'].map((name) => path(name)),
    ];
    expect(names(planLayers(graph, { popularity }))).toEqual([
      ['git', 'unheard-of'],
      ['libgcc', 'libidn'],
      ['pcre'],
    ]);
  });

  test('over the budget, puts the smallest layers together', () => {
    const sizes = { a: 5 * LARGE, b: 4 * LARGE, c: 3 * LARGE, d: 2 * LARGE };
    const graph = Object.entries(sizes).map(([name, size]) => path(name, { size }));
    expect(names(planLayers(graph, { budget: 3 }))).toEqual([['a'], ['c', 'd'], ['b']]);
  });

  test('over the budget, keeps apart what is at the bottom and what stands on much', () => {
    const graph = [
      path('huge', { size: 9 * LARGE }),
      path('tool', { size: LARGE, refersTo: ['library', 'libc'] }),
      path('library', { size: LARGE, refersTo: ['libc'] }),
      path('libc', { size: LARGE, refersTo: ['data'] }),
      path('data', { size: LARGE }),
    ];
    const expected = [['huge'], ['libc', 'library'], ['data'], ['tool']];
    expect(names(planLayers(graph, { budget: 4 }))).toEqual(expected);
  });

  test('over the budget and with popularity, keeps apart what few and what many need', () => {
    const popularity = new Map([
      ['libc', 5000],
      ['libm', 4500],
    ]);
    const graph = ['leaf', 'libc', 'libm', 'twig'].map((name) => path(name, { size: LARGE }));
    expect(
      names(planLayers([path('huge', { size: 9 * LARGE }), ...graph], { budget: 3, popularity })),
    ).toEqual([['huge'], ['leaf', 'twig'], ['libc', 'libm']]);
  });

  test('puts everything into one layer where there may be only one', () => {
    const popularity = new Map([['b', 5000]]);
    for (const budget of [1, 0, -1, 1.9]) {
      const plan = planLayers([path('a', { size: LARGE }), path('b', { size: LARGE })], {
        budget,
        popularity,
      });
      expect(names(plan)).toEqual([['a', 'b']]);
    }
  });

  test('plans graphs with circles and references that lead out of them', () => {
    const plan = planLayers([
      path('a', { refersTo: ['b', 'a', 'elsewhere'] }),
      path('b', { refersTo: ['a'] }),
      path('c', { refersTo: ['c'] }),
    ]);
    expect(names(plan)).toEqual([['a', 'b'], ['c']]);
  });

  test('plans a path that is named twice once', () => {
    expect(planLayers([path('a'), path('a')])).toEqual([{ paths: [path('a')] }]);
  });

  test('plans nothing for nothing', () => {
    expect(planLayers([])).toEqual([]);
  });

  test('leaves room below the 128 layers of the overlay driver', () => {
    const paths = Array.from({ length: 300 }, (_, i) => path(`p${i}`, { size: LARGE + i }));
    expect(planLayers(paths)).toHaveLength(DEFAULT_LAYER_BUDGET);
    expect(DEFAULT_LAYER_BUDGET).toBe(94);
  });
});
