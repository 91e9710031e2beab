import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type RegistryServer, startRegistry } from '../server.ts';
import { selectionsOf } from './promql.ts';

const deploy = path.join(import.meta.dirname, '../../../deploy');

// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
const panelSchema = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string().min(1),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  datasource: z.object({ uid: z.literal('${datasource}') }).optional(),
  targets: z
    .array(
      z.object({ expr: z.string(), datasource: z.object({ uid: z.literal('${datasource}') }) }),
    )
    .default([]),
});
const dashboardSchema = z.object({
  panels: z.array(panelSchema),
  templating: z.object({
    list: z.array(
      z.object({ name: z.string(), type: z.string(), definition: z.string().optional() }),
    ),
  }),
});
// https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/#rule
const rulesSchema = z.object({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string().optional() }),
        }),
      ),
    }),
  ),
});

const dashboard = dashboardSchema.parse(
  JSON.parse(readFileSync(path.join(deploy, 'grafana/nixery.json'), 'utf8')),
);
const rules = rulesSchema
  .parse(parse(readFileSync(path.join(deploy, 'prometheus/alerts.yaml'), 'utf8')))
  .groups.flatMap((group) => group.rules);

/** What Prometheus itself adds to every sample, and the metric that it makes of a scrape. */
const OF_PROMETHEUS = { labels: ['job', 'instance', 'le'], metric: 'up' };

/** Labels by metric, as a server exposes them that has been through good and bad. */
let exposed: ReadonlyMap<string, ReadonlySet<string>>;
let dir: string;
let server: RegistryServer;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-dashboards-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
  await ask('/v2/nothing-of-the-kind/manifests/latest');
  const manifest = z
    .object({ layers: z.array(z.object({ digest: z.string() })).min(1) })
    .parse(JSON.parse(await ask('/v2/hello/manifests/latest')));
  const digest = manifest.layers[0]?.digest ?? '';
  const storage = path.join(dir, 'storage');
  renameSync(storage, `${storage}-away`);
  await ask(`/v2/hello/blobs/${digest}`);
  renameSync(`${storage}-away`, storage);
  unlinkSync(path.join(storage, 'layers', digest.replace('sha256:', '')));
  await ask(`/v2/hello/blobs/${digest}`);
  exposed = labelsByMetric(await ask('/metrics'));
});
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function ask(target: string): Promise<string> {
  return await (await fetch(`${server.url}${target}`)).text();
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details */
function labelsByMetric(exposition: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of exposition.split('\n')) {
    // Of some nothing has been counted yet.
    const [, family = '', type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (family !== '') for (const suffix of suffixes) found.set(family + suffix, new Set());
    const [, metric = '', labels = ''] = /^([a-z_:][\w:]*)(\{.*\})? /i.exec(line) ?? [];
    if (metric === '') continue;
    const known = found.get(metric) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/[{,](\w+)="/g)) known.add(label);
    found.set(metric, known);
  }
  return found;
}

/** What a query reads that no server exposes. */
function unknownTo(query: string): readonly string[] {
  return selectionsOf(query).flatMap(({ metric, labels }) => {
    const known = metric === OF_PROMETHEUS.metric ? new Set<string>() : exposed.get(metric);
    if (known === undefined) return [metric];
    return labels
      .filter((label) => !known.has(label) && !OF_PROMETHEUS.labels.includes(label))
      .map((label) => `${metric}{${label}}`);
  });
}

describe('the dashboard', () => {
  const queries = dashboard.panels.flatMap(({ targets, title }) =>
    targets.map(({ expr }) => [title, expr.replaceAll('$__rate_interval', '5m')] as const),
  );

  test.each(queries)('asks in "%s" for what there is: %s', (_title, query) => {
    expect(selectionsOf(query)).not.toEqual([]);
    expect(unknownTo(query)).toEqual([]);
  });

  test('has a variable for its data source, and fills the others from metrics that there are', () => {
    const [source, ...others] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', type: 'datasource' });
    for (const { definition = '', name } of others) {
      const [, query = ''] = /^label_values\((.*), \w+\)$/.exec(definition) ?? [];
      expect(unknownTo(query), name).toEqual([]);
      expect(selectionsOf(query), name).toHaveLength(1);
    }
  });

  test('shows every metric of this server', () => {
    const shown = new Set(
      queries.flatMap(([, query]) => selectionsOf(query).map(({ metric }) => metric)),
    );
    const families = [...exposed.keys()]
      .filter((metric) => metric.startsWith('nixery_'))
      .map((metric) => metric.replace(/_(?:bucket|sum|count)$/, ''));
    const missing = [...new Set(families)].filter(
      (family) => ![...shown].some((metric) => metric.startsWith(family)),
    );
    expect(missing).toEqual([]);
  });

  test('lays its panels side by side, one place each, under rows of what belongs together', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual(['Traffic', 'Builds', 'Cache', 'Storage', 'Process']);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const a of dashboard.panels) {
      expect(a.gridPos.x + a.gridPos.w).toBeLessThanOrEqual(24);
      const over = dashboard.panels.filter((b) => a.id < b.id && overlap(a.gridPos, b.gridPos));
      expect(over.map(({ title }) => title)).toEqual([]);
    }
  });
});

type Place = z.infer<typeof panelSchema>['gridPos'];

function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

describe('the alerts', () => {
  test.each(rules.map(({ alert, expr }) => [alert, expr] as const))(
    '%s asks for what there is: %s',
    (_alert, query) => {
      expect(selectionsOf(query)).not.toEqual([]);
      expect(unknownTo(query)).toEqual([]);
    },
  );

  test('name in their texts only labels that their query leaves', () => {
    for (const { alert, annotations, expr } of rules) {
      const texts = Object.values(annotations).join(' ');
      const named = [...texts.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
      const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? OF_PROMETHEUS.labels;
      expect(
        named.filter((label) => !kept.includes(label)),
        alert,
      ).toEqual([]);
    }
  });
});

test('docs/metrics.md tells each metric of this server, with its labels, and no other', () => {
  const text = readFileSync(path.join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');
  const told = new Map(
    [...text.matchAll(/^\| `(nixery_\w+)` +\|([^|]*)\|/gm)].map(([, metric = '', labels = '']) => [
      metric,
      labels.split(',').flatMap((label) => label.trim() || []),
    ]),
  );
  const families = new Map<string, readonly string[]>();
  for (const [metric, labels] of exposed) {
    // Each has its help and type in the exposition, and these samples.
    const family = metric.replace(/_(?:bucket|sum|count)$/, '');
    if (!family.startsWith('nixery_')) continue;
    const all = new Set([...(families.get(family) ?? []), ...labels]);
    all.delete('le');
    families.set(family, [...all]);
  }
  expect([...told.keys()].sort()).toEqual([...families.keys()].sort());
  // What nothing was counted of shows no label.
  const counted = [...families].filter(([, labels]) => labels.length > 0);
  for (const [family, labels] of counted) {
    expect(told.get(family)?.toSorted(), family).toEqual(labels.toSorted());
  }
});

describe('what is checked', () => {
  test.each([
    'nixery_http_request_total',
    'sum by (rout) (nixery_http_requests_total)',
    'nixery_cache_up{maps="x"}',
  ])('would not let %s pass', (query) => {
    expect(unknownTo(query)).toHaveLength(1);
  });

  test.each(['sum by (route (up)', 'rate(up[5m)', 'up{job=}', 'up +'])(
    'takes %s for no query',
    (query) => {
      expect(() => selectionsOf(query)).toThrow('not PromQL');
    },
  );
});
