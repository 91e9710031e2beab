import { Counter, Gauge, type Registry } from 'prom-client';

import type { Exchange } from '../http/exchange.ts';
import type { RouteLabel } from '../http/route.ts';
import { PlainHistogram } from './plain-histogram.ts';

/** Seconds: from an answer out of memory to a build that is waited for, and a large layer. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 20, 60, 300];

interface Series {
  readonly labels: { readonly route: RouteLabel; readonly method: string; readonly status: number };
  requests: number;
  bytes: number;
}

/** Requests, as plain numbers until somebody asks: prom-client hashes the labels of each that it counts. */
export class HttpMetrics {
  readonly #series = new Map<string, Series>();
  readonly #durations = new PlainHistogram({
    name: 'nixery_http_request_duration_seconds',
    help: 'From the headers of a request to the end of its answer.',
    label: 'route',
    buckets: BUCKETS,
  });
  #inFlight = 0;

  constructor(registry: Registry) {
    const labelNames = ['route', 'method', 'status'] as const;
    const series = this.#series;
    registry.registerMetric(
      new Counter({
        name: 'nixery_http_requests_total',
        help: 'Requests answered or broken off.',
        labelNames,
        registers: [],
        collect() {
          this.reset();
          for (const { labels, requests } of series.values()) this.inc(labels, requests);
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: 'nixery_http_sent_bytes_total',
        help: 'Bytes sent in answers, headers included.',
        labelNames,
        registers: [],
        collect() {
          this.reset();
          for (const { labels, bytes } of series.values()) this.inc(labels, bytes);
        },
      }),
    );
    const inFlight = (): number => this.#inFlight;
    registry.registerMetric(
      new Gauge({
        name: 'nixery_http_requests_in_flight',
        help: 'Requests that are being answered.',
        registers: [],
        collect() {
          this.set(inFlight());
        },
      }),
    );
    registry.registerMetric(this.#durations);
  }

  begin(): void {
    this.#inFlight += 1;
  }

  end(exchange: Exchange, route: RouteLabel): void {
    this.#inFlight -= 1;
    const method = labelOf(exchange.request.method);
    const status = exchange.response.statusCode;
    const key = `${route} ${method} ${status}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels: { route, method, status }, requests: 0, bytes: 0 };
      this.#series.set(key, series);
    }
    series.requests += 1;
    series.bytes += exchange.bytesSent;
    this.#durations.add(exchange.elapsedMs / 1000, route);
  }
}

/** Clients may write any method, and labels have to be few. */
function labelOf(method: string | undefined): string {
  return method === 'GET' || method === 'HEAD' ? method : 'other';
}
