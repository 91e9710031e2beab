import * as fc from 'fast-check';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { actorDefaults, type ActorOptions } from './options.ts';
import type { KnownForms } from './records.ts';
import { CacheState } from './state.ts';
import { event, RECENCY_MS, type Event } from './testing/events.ts';
import { temporaryFolder } from './testing/folder.ts';
import { type FormsFound, Model, type Stepped } from './testing/model.ts';

const LONG = process.env['NIXERY_TEST_LONG'] === '1';
const RUNS = Number(process.env['NIXERY_TEST_RUNS'] ?? (LONG ? 5000 : 200));
const TIMEOUT_MS = RUNS > 200 ? 3_600_000 : 300_000;

const START = 1_800_000_000_000;

/** A state that time, restarts and kills happen to. */
class Subject {
  readonly #options: Omit<ActorOptions, 'file' | 'firstVersion'>;
  readonly #path: string;
  /** What an asker keeps, which outlives the state. */
  readonly #known = new Map<string, KnownForms>();
  #lastVersion = 0;
  #kills = 0;
  #now = START;
  #state: CacheState;

  constructor(path: string, options: Omit<ActorOptions, 'file' | 'firstVersion'>) {
    this.#options = options;
    this.#path = path;
    this.#state = this.#open();
  }

  get sizes(): readonly unknown[] {
    const reply = this.#state.handle({ type: 'stats' });
    return reply.type === 'stats'
      ? [reply.stats.manifests.entries, reply.stats.layers.entries]
      : [reply];
  }

  step(event: Event): Stepped {
    switch (event.type) {
      case 'request':
        return this.#state.handle(event.request);
      case 'forms':
        return this.#forms(event.key, event.allowStale);
      case 'advance':
        this.#now += event.ms;
        break;
      case 'maintain':
        this.#state.maintain(1000);
        break;
      case 'reopen':
        if (event.clean) this.#state.close();
        else this.#kill();
        this.#state = this.#open();
        break;
    }
    return undefined;
  }

  close(): void {
    this.#state.close();
  }

  /** As a client asks that has asked before. */
  #forms(key: string, allowStale: boolean): FormsFound | null {
    const known = this.#known.get(key);
    if (known !== undefined) {
      const reply = this.#state.handle({ type: 'manifest.still', version: known.version });
      if (reply.type !== 'manifest.still') throw new Error(`answered with ${reply.type}`);
      if (reply.freshness !== null) return { record: known.record, ...reply.freshness };
    }
    const reply = this.#state.handle({ type: 'manifest.forms', key, allowStale });
    if (reply.type !== 'manifest.forms' || reply.hit === null) return null;
    const { version, ...found } = reply.hit;
    this.#known.set(key, { version, record: found.record });
    this.#lastVersion = Math.max(this.#lastVersion, version);
    return found;
  }

  get #file(): string {
    return `${this.#path}-${this.#kills}.db`;
  }

  /** What the operating system has at this moment is what a killed process leaves. */
  #kill(): void {
    const file = this.#file;
    this.#kills += 1;
    copyFileSync(file, this.#file);
    copyFileSync(`${file}-wal`, `${this.#file}-wal`);
    this.#state.close();
  }

  #open(): CacheState {
    return new CacheState(
      { ...this.#options, file: this.#file, firstVersion: this.#lastVersion + 1 },
      { now: () => this.#now, warn: unexpected },
    );
  }
}

test(
  'the state does what a plain model does, whatever the order of requests, time, restarts and kills',
  async () => {
    const folder = await temporaryFolder();
    const bound = fc.integer({ min: 1, max: 5 });
    const bounds = fc.record({
      maxManifests: bound,
      maxLayers: bound,
      maxTags: bound,
      maxTagsOfName: bound,
    });
    // 1: every look-up reads the table.
    const frontSize = fc.constantFrom(1, actorDefaults.frontSize);
    const events = fc.array(event, { maxLength: 80, size: 'max' });
    let run = 0;

    fc.assert(
      fc.property(bounds, frontSize, events, (bounds, frontSize, events) => {
        run += 1;
        const options = { ...bounds, frontSize, recencyMs: RECENCY_MS };
        const subject = new Subject(join(folder, String(run)), options);
        const model = new Model(bounds, START);
        try {
          for (const event of events) {
            expect(subject.step(event)).toEqual(model.step(event));
            expect(subject.sizes).toEqual([model.manifests.size, model.layers.size]);
          }
        } finally {
          subject.close();
        }
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);

function unexpected(warning: object): void {
  expect.unreachable(JSON.stringify(warning));
}
