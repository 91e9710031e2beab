import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';

import { PlainHistogram } from './plain-histogram.ts';

const NAME = 'waited_seconds';
const BUCKETS = [0.1, 1, 5];
/** On the bounds, between them, and beyond. */
const VALUES = [0, 0.1, 0.11, 1, 4.9, 5, 5.1, 1e9];

it('is shown as one of prom-client that was told the same', async () => {
  const plain = new Registry();
  const ours = new PlainHistogram({ name: NAME, help: 'help', label: 'route', buckets: BUCKETS });
  plain.registerMetric(ours);
  const other = new Registry();
  const theirs = new Histogram({
    name: NAME,
    help: 'help',
    labelNames: ['route'],
    buckets: BUCKETS,
    registers: [other],
  });
  for (const route of ['blob', 'manifest', 'blob']) {
    for (const value of VALUES) {
      ours.add(value, route);
      theirs.observe({ route }, value);
    }
  }
  expect(await plain.metrics()).toBe(await other.metrics());
});

it('needs no label', async () => {
  const registry = new Registry();
  const histogram = new PlainHistogram({ name: NAME, help: 'help', buckets: BUCKETS });
  registry.registerMetric(histogram);
  histogram.add(0.5);
  expect(await registry.metrics()).toContain(`${NAME}_bucket{le="1"} 1\n`);
  expect(await registry.metrics()).toContain(`${NAME}_count 1\n`);
});
