import type { BuildEvent, Builder, BuildLevel } from '@nixery/builder';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Seconds: from an image whose layers are all there to one that is compiled. */
const BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 3_600];

/** Builds, from what they tell. */
export class BuildMetrics {
  readonly #registry: Registry;
  readonly #builds: Counter<'purpose' | 'outcome'>;
  readonly #durations: Histogram<'outcome'>;
  readonly #stages: Histogram<'stage'>;
  readonly #layers: Counter<'origin'>;
  /** Images, by where they came from when the cache had them not under what was asked. */
  readonly #obtained = new Map<BuildLevel, number>();
  readonly #blobs: Counter<'outcome'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#registry = registry;
    this.#builds = new Counter({
      name: 'nixery_builds_total',
      help: 'Builds that ended: done, or the code of their failure.',
      labelNames: ['purpose', 'outcome'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'nixery_build_duration_seconds',
      help: 'Whole builds.',
      labelNames: ['outcome'],
      buckets: BUCKETS,
      registers,
    });
    this.#stages = new Histogram({
      name: 'nixery_build_stage_duration_seconds',
      help: 'Stages of builds that ended.',
      labelNames: ['stage'],
      buckets: BUCKETS,
      registers,
    });
    this.#layers = new Counter({
      name: 'nixery_layers_total',
      help: 'Layers of images that were built: known before, packed, or packed by another build at the same time.',
      labelNames: ['origin'],
      registers,
    });
    this.#blobs = new Counter({
      name: 'nixery_missing_blobs_total',
      help: 'Blobs that the storage had lost or held damaged: made again, or lost.',
      labelNames: ['outcome'],
      registers,
    });
  }

  /** Shows what goes on now. */
  watch(builder: Pick<Builder, 'load'>): void {
    const registry = this.#registry;
    const obtained = this.#obtained;
    registry.registerMetric(
      new Counter({
        name: 'nixery_images_total',
        help: 'Images given: known to the cache as asked for (request) or by their revision, to the second level, or built.',
        labelNames: ['level'],
        registers: [],
        collect() {
          this.reset();
          this.inc({ level: 'request' }, builder.load.known);
          for (const [level, count] of obtained) this.inc({ level }, count);
        },
      }),
    );
    registry.registerMetric(
      new Gauge({
        name: 'nixery_builds_in_flight',
        help: 'Builds that run or wait for a thread.',
        registers: [],
        collect() {
          this.set(builder.load.builds);
        },
      }),
    );
    registry.registerMetric(
      new Gauge({
        name: 'nixery_worker_tasks',
        help: 'Tasks of builds, by kind (nix: a Nix process each) and whether they run or are queued.',
        labelNames: ['kind', 'state'],
        registers: [],
        collect() {
          const { nix, pack } = builder.load;
          for (const [kind, { queued, running }] of Object.entries({ nix, pack })) {
            this.set({ kind, state: 'running' }, running);
            this.set({ kind, state: 'queued' }, queued);
          }
        },
      }),
    );
  }

  note(event: BuildEvent): void {
    switch (event.type) {
      case 'layer':
        this.#layers.inc({ origin: event.origin });
        return;
      case 'done':
        this.#ended(event, 'done');
        if (event.build.purpose !== 'heal') {
          const { level } = event.build;
          this.#obtained.set(level, (this.#obtained.get(level) ?? 0) + 1);
        }
        return;
      case 'failed':
        this.#ended(event, event.error.code);
        return;
      case 'healed':
      case 'lost':
        this.#blobs.inc({ outcome: event.type });
        return;
      default:
        return;
    }
  }

  #ended({ build }: Extract<BuildEvent, { type: 'done' | 'failed' }>, outcome: string): void {
    this.#builds.inc({ purpose: build.purpose, outcome });
    this.#durations.observe({ outcome }, build.elapsedMs / 1000);
    for (const [stage, ms] of Object.entries(build.stages)) {
      this.#stages.observe({ stage }, ms / 1000);
    }
  }
}
