import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LAYER_BUDGET, planLayers } from './plan.ts';
import type { LayerPlan, StorePathInfo } from './types.ts';

const hash = fc.string({
  unit: fc.constantFrom('0', '9', 'a', 'z'),
  minLength: 32,
  maxLength: 32,
});

const info: fc.Arbitrary<StorePathInfo> = fc
  .record({ hash, name: fc.constantFrom('glibc-2.40', 'git-2.47', 'jq'), narSize: fc.nat(5) })
  .map(({ hash, name, narSize }) => ({
    path: `/nix/store/${hash}-${name}`,
    narHash: `sha256:${'0'.repeat(64)}` as const,
    narSize,
    references: [],
  }));

const graph = fc.uniqueArray(info, { selector: ({ path }) => path, maxLength: 200 });

function names(plan: LayerPlan): string[][] {
  return plan.map((layer) => layer.paths.map(({ path }) => path));
}

function path(name: string, narSize: number): StorePathInfo {
  return {
    path: `/nix/store/00000000000000000000000000000000-${name}`,
    narHash: `sha256:${'0'.repeat(64)}`,
    narSize,
    references: [],
  };
}

describe('planLayers', () => {
  test('puts every path into exactly one layer', () => {
    fc.assert(
      fc.property(graph, fc.integer({ min: -1, max: 250 }), (paths, budget) => {
        const planned = names(planLayers(paths, { budget })).flat();
        expect(planned.sort()).toEqual(paths.map(({ path }) => path).sort());
      }),
    );
  });

  test('never exceeds the budget and makes no empty layer', () => {
    fc.assert(
      fc.property(graph, fc.integer({ min: -1, max: 250 }), (paths, budget) => {
        const plan = planLayers(paths, { budget });
        expect(plan.length).toBeLessThanOrEqual(Math.max(1, budget));
        expect(plan.every((layer) => layer.paths.length > 0)).toBe(true);
      }),
    );
  });

  test('uses the whole budget when there are more paths than layers', () => {
    fc.assert(
      fc.property(graph, fc.integer({ min: 1, max: 250 }), (paths, budget) => {
        expect(planLayers(paths, { budget }).length).toBe(Math.min(paths.length, budget));
      }),
    );
  });

  test('does not depend on the order of the graph', () => {
    const shuffled = graph.chain((paths) =>
      fc.tuple(
        fc.constant(paths),
        fc.shuffledSubarray(paths, { minLength: paths.length, maxLength: paths.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 1, max: 100 }), ([a, b], budget) => {
        expect(planLayers(b, { budget })).toEqual(planLayers(a, { budget }));
      }),
    );
  });

  test('puts the largest paths alone, the rest together, and breaks ties by name', () => {
    const plan = planLayers([path('c', 1), path('a', 1), path('d', 9), path('b', 1)], {
      budget: 3,
    });
    expect(plan.map((layer) => layer.paths.map(({ path }) => path.slice(44)))).toEqual([
      ['d'],
      ['a'],
      ['b', 'c'],
    ]);
  });

  test('plans a path that is named twice once', () => {
    expect(planLayers([path('a', 1), path('a', 1)])).toEqual([{ paths: [path('a', 1)] }]);
  });

  test('plans nothing for nothing', () => {
    expect(planLayers([])).toEqual([]);
  });

  test('leaves room below the 128 layers of the overlay driver', () => {
    const paths = Array.from({ length: 300 }, (_, i) => path(`p${i}`, i));
    expect(planLayers(paths)).toHaveLength(DEFAULT_LAYER_BUDGET);
    expect(DEFAULT_LAYER_BUDGET).toBe(94);
  });
});
