import { freshness } from '../freshness.ts';
import type { CacheReply, CacheRequest } from '../messages.ts';
import type { FormsHit, LayerRecord, ManifestHit, ManifestRecord } from '../records.ts';
import { RECENCY_MS, type Event } from './events.ts';
import { ModelMap } from './model-map.ts';

export interface ModelBounds {
  readonly maxManifests: number;
  readonly maxLayers: number;
  readonly maxTags: number;
  readonly maxTagsOfName: number;
}

/** The forms as an asker finds them, whatever their version. */
export type FormsFound = Omit<FormsHit, 'version'>;

/** What comes of an event. */
export type Stepped = CacheReply | FormsFound | null | undefined;

interface LookUp {
  readonly key: string;
  readonly allowStale: boolean;
}

/** The actor's state as it ought to behave. */
export class Model {
  readonly manifests: ModelMap<ReturnType<typeof modelManifest>>;
  readonly layers: ModelMap<ReturnType<typeof modelLayer>>;
  readonly #tags: ModelMap<ReturnType<typeof modelTag>>;
  readonly #maxTagsOfName: number;
  #now: number;

  constructor(bounds: ModelBounds, now: number) {
    this.manifests = new ModelMap(bounds.maxManifests);
    this.layers = new ModelMap(bounds.maxLayers);
    this.#tags = new ModelMap(bounds.maxTags);
    this.#maxTagsOfName = bounds.maxTagsOfName;
    this.#now = now;
  }

  step(event: Event): Stepped {
    const maps = [this.manifests, this.layers, this.#tags];
    switch (event.type) {
      case 'request':
        return this.#handle(event.request);
      case 'forms': {
        // Whatever the asker knows from before.
        const hit = this.#look(event);
        if (hit === null) return null;
        const { ageMs, fresh, maxAgeMs, record } = hit;
        return { ageMs, fresh, maxAgeMs, record: { forms: record.forms } };
      }
      case 'advance':
        this.#now += event.ms;
        break;
      case 'maintain':
        for (const map of maps) map.flush();
        break;
      case 'reopen':
        for (const map of maps) {
          if (event.clean) map.flush();
          else map.crash();
        }
        break;
    }
    return undefined;
  }

  #handle(request: CacheRequest): CacheReply {
    const { type } = request;
    const now = this.#now;
    switch (type) {
      case 'manifest.get':
        return { type, hit: this.#look(request) };
      case 'manifest.put':
        this.manifests.put(request.key, request.kind, modelManifest(request.record), now);
        this.#note(request.record.request.name, request.record.request.reference);
        return { type, ok: true };
      case 'manifest.drop':
        this.manifests.drop(request.target);
        return { type, ok: true };
      case 'manifest.find': {
        const entry = this.manifests.find(request.digest, request.role);
        this.manifests.use(entry);
        return { type, entry: entry ? stored(entry) : null };
      }
      case 'manifest.list': {
        const { name, after, limit } = request;
        const entries = this.manifests.entries
          .map(stored)
          .filter((entry) => name === null || entry.record.request.name === name)
          .filter((entry) => after === null || isAfter(entry, after, name !== null))
          .toSorted((a, b) => compare(place(a), place(b)));
        return { type, entries: entries.slice(0, limit) };
      }
      case 'manifest.names': {
        const names = this.manifests.entries
          .map((entry) => entry.record.record.request.name)
          .filter((known) => known > (request.after ?? ''));
        return { type, names: [...new Set(names)].toSorted().slice(0, request.limit) };
      }
      case 'layer.get': {
        const records = request.keys.map((key) => {
          const entry = this.layers.peek(key);
          this.layers.use(entry);
          return entry?.record.record ?? null;
        });
        return { type, records };
      }
      case 'layer.put':
        this.layers.put(request.key, 'pinned', modelLayer(request.record), now);
        return { type, ok: true };
      case 'layer.drop':
        this.layers.drop(request.target);
        return { type, ok: true };
      case 'layer.find': {
        const entry = this.layers.find(request.digest, 'content');
        this.layers.use(entry);
        return { type, entry: entry ? { key: entry.key, record: entry.record.record } : null };
      }
      case 'tag.put':
        this.#note(request.name, request.tag);
        return { type, ok: true };
      case 'tag.list': {
        const tags = this.#tagsOf(request.name)
          .map(({ record }) => record.tag)
          .filter((tag) => tag > (request.after ?? ''));
        return { type, tags: tags.toSorted().slice(0, request.limit) };
      }
      default:
        throw new TypeError(`the model does not know ${type}`);
    }
  }

  #look({ allowStale, key }: LookUp): ManifestHit | null {
    const entry = this.manifests.peek(key);
    const age = entry && freshness(entry, this.#now, RECENCY_MS);
    if (entry === undefined || age === undefined || !(age.fresh || allowStale)) return null;
    this.manifests.use(entry);
    return { kind: entry.kind, record: entry.record.record, ...age };
  }

  #tagsOf(name: string) {
    return this.#tags.entries.filter(({ record }) => record.name === name);
  }

  #note(name: string, tag: string): void {
    const known = this.#tagsOf(name);
    const same = known.find(({ record }) => record.tag === tag);
    if (same !== undefined) {
      this.#tags.use(same);
      return;
    }
    if (known.length >= this.#maxTagsOfName) {
      // The oldest is told by the table, which is therefore told all uses.
      this.#tags.flush();
      this.#tags.drop({ key: known.reduce((a, b) => (b.used < a.used ? b : a)).key });
    }
    this.#tags.put(`${name}:${tag}`, 'pinned', modelTag(name, tag), this.#now);
  }
}

function modelManifest(record: ManifestRecord) {
  const { children = [], config, layers } = record;
  const contents = [config, ...layers, ...children];
  return {
    record,
    blobs: [
      ...Object.values(record.forms).map((form) => ({ ...form, role: 'manifest' as const })),
      ...contents.map((digest) => ({ digest, role: 'content' as const })),
    ],
  };
}

function modelLayer(record: LayerRecord) {
  return { record, blobs: [{ digest: record.digest, role: 'content' as const }] };
}

function modelTag(name: string, tag: string) {
  return { name, tag, blobs: [] };
}

interface Listed {
  readonly key: string;
  readonly record: ManifestRecord;
}

function stored(entry: Model['manifests']['entries'][number]) {
  const { key, kind, storedAt, record } = entry;
  return { key, kind, storedAt, record: record.record };
}

function place({ key, record }: Listed): readonly string[] {
  return [record.request.name, record.request.reference, key];
}

/** Among the entries of one name, the cursor's name does not count. */
function isAfter(
  entry: Listed,
  after: { readonly name: string; readonly reference: string; readonly key?: string },
  ofOneName: boolean,
): boolean {
  const { name } = ofOneName ? entry.record.request : after;
  const from = [name, after.reference, ...(after.key === undefined ? [] : [after.key])];
  return compare(place(entry).slice(0, from.length), from) > 0;
}

function compare(a: readonly string[], b: readonly string[]): number {
  for (const [index, text] of a.entries()) {
    const other = b[index] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}
