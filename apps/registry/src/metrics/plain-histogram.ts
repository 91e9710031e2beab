import { Histogram } from 'prom-client';

export interface PlainHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Its only label, if it has one. */
  readonly label?: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
}

interface ExposedValue {
  readonly metricName: string;
  readonly labels: { readonly le?: number | string };
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Exposed {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly ExposedValue[];
}

interface Series {
  readonly counts: number[];
  sum: number;
}

/**
 * A histogram for what happens at every request: plain numbers until somebody asks for them, where prom-client's own hashes
 * its labels for each value.
 */
export class PlainHistogram extends Histogram {
  readonly #options: PlainHistogramOptions;
  /** By the label's value. */
  readonly #series = new Map<string, Series>();

  constructor(options: PlainHistogramOptions) {
    const { help, name } = options;
    super({ name, help, registers: [] });
    this.#options = options;
  }

  /** @param labelled the label's value; nothing where there is no label */
  add(value: number, labelled = ''): void {
    const { buckets } = this.#options;
    const series = this.#series.get(labelled) ?? this.#begin(labelled);
    series.sum += value;
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket += 1;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
  }

  /** What prom-client makes expositions of, in place of its own counts. */
  async getForPromString(): Promise<Exposed> {
    const { help, name } = this.#options;
    return { name, help, type: 'histogram', aggregator: 'sum', values: [...this.#values()] };
  }

  #begin(labelled: string): Series {
    const counts = Array.from({ length: this.#options.buckets.length + 1 }, () => 0);
    const series = { counts, sum: 0 };
    this.#series.set(labelled, series);
    return series;
  }

  *#values(): Generator<ExposedValue> {
    const { buckets, label, name } = this.#options;
    for (const [labelled, { counts, sum }] of this.#series) {
      const sharedLabels = label === undefined ? {} : { [label]: labelled };
      let total = 0;
      for (const [bucket, count] of counts.entries()) {
        total += count;
        const labels = { le: buckets[bucket] ?? '+Inf' };
        yield { metricName: `${name}_bucket`, labels, sharedLabels, value: total };
      }
      yield { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum };
      yield { metricName: `${name}_count`, labels: {}, sharedLabels, value: total };
    }
  }
}
