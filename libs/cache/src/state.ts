import type { DatabaseSync } from 'node:sqlite';
import { isCorruption, isUnusable, messageOf, openDatabase, setAside } from './database.ts';
import type { CacheWarning } from './events.ts';
import { LayerMap } from './layers.ts';
import { ManifestMap } from './manifests.ts';
import type { CacheReply, CacheRequest } from './messages.ts';
import type { ActorOptions } from './options.ts';
import { TagMap } from './tags.ts';

/** Rows that closing may still write: well under a second of work, and all the uses there are unless reads are very many. */
const CLOSING_SLICE = 50_000;

interface Opened {
  readonly db: DatabaseSync;
  readonly manifests: ManifestMap;
  readonly layers: LayerMap;
  readonly tags: TagMap;
}

export interface StateEnvironment {
  /** ms since the epoch. */
  readonly now: () => number;
  readonly warn: (warning: CacheWarning) => void;
}

/** The maps and what each request does to them: the actor without its thread. */
export class CacheState {
  readonly #options: ActorOptions;
  readonly #environment: StateEnvironment;
  /** Goes on where the file is damaged and all begins anew: no version is told twice. */
  #nextVersion: number;
  #opened: Opened;

  /** @throws CacheError `database` when the file cannot be opened or locked */
  constructor(options: ActorOptions, environment: StateEnvironment) {
    this.#options = options;
    this.#environment = environment;
    this.#nextVersion = options.firstVersion;
    this.#opened = this.#open();
  }

  /**
   * Does what a request asks. When that shows the file to be damaged, starts over with an empty one.
   *
   * @throws SQLite's error when the database cannot do it
   */
  handle(request: CacheRequest): CacheReply {
    return this.#surviving(() => this.#dispatch(request));
  }

  /**
   * Does a slice of the work that reads leave behind: recording uses, and shrinking to a lowered bound.
   *
   * @returns whether more is left
   * @throws SQLite's error when the database cannot do it
   */
  maintain(limit: number): boolean {
    return this.#surviving(() => {
      const { layers, manifests, tags } = this.#opened;
      return [manifests, layers, tags].map((map) => map.maintain(limit)).includes(true);
    });
  }

  /** Uses that are in memory only. */
  get unrecorded(): number {
    const { layers, manifests, tags } = this.#opened;
    return manifests.unrecorded + layers.unrecorded + tags.unrecorded;
  }

  /** Writes what is noted and closes the file; safe to call twice. */
  close(): void {
    if (!this.#opened.db.isOpen) return;
    try {
      this.maintain(CLOSING_SLICE);
    } finally {
      this.#opened.db.close();
    }
  }

  #dispatch(request: CacheRequest): CacheReply {
    const { layers, manifests, tags } = this.#opened;
    switch (request.type) {
      case 'manifest.get': {
        const hit = manifests.get(request.key, request.allowStale);
        return { type: request.type, hit };
      }
      case 'manifest.forms': {
        const hit = manifests.forms(request.key, request.allowStale);
        return { type: request.type, hit };
      }
      case 'manifest.still':
        return { type: request.type, freshness: manifests.still(request.version) };
      case 'manifest.put':
        manifests.put(request.key, request.kind, request.record);
        tags.note(request.record.request.name, request.record.request.reference);
        return { type: request.type, ok: true };
      case 'manifest.drop':
        manifests.drop(request.target);
        return { type: request.type, ok: true };
      case 'manifest.find': {
        const entry = manifests.find(request.digest, request.role);
        return { type: request.type, entry };
      }
      case 'manifest.list': {
        const entries = manifests.list(request.name, request.after, request.limit);
        return { type: request.type, entries };
      }
      case 'manifest.holders': {
        const holders = manifests.holders(request);
        return { type: request.type, holders };
      }
      case 'manifest.names': {
        const names = manifests.names(request.after, request.limit);
        return { type: request.type, names };
      }
      case 'layer.get':
        return { type: request.type, records: layers.get(request.keys) };
      case 'layer.put':
        layers.put(request.key, request.record);
        return { type: request.type, ok: true };
      case 'layer.drop':
        layers.drop(request.target);
        return { type: request.type, ok: true };
      case 'layer.find':
        return { type: request.type, entry: layers.find(request.digest) };
      case 'tag.put':
        tags.note(request.name, request.tag);
        return { type: request.type, ok: true };
      case 'tag.list': {
        const listed = tags.list(request.name, request.after, request.limit);
        return { type: request.type, tags: listed };
      }
      case 'stats': {
        const stats = { manifests: manifests.stats, layers: layers.stats };
        return { type: request.type, stats };
      }
      case 'stop':
        this.close();
        return { type: request.type, ok: true };
      default:
        return unknownRequest(request);
    }
  }

  #surviving<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isCorruption(error)) throw error;
      this.#startOver(error);
      return work();
    }
  }

  #startOver(error: unknown): void {
    const { file } = this.#options;
    const { now, warn } = this.#environment;
    this.#opened.db.close();
    if (file !== ':memory:') warn(setAside(file, 'corrupt', messageOf(error), now()));
    this.#opened = this.#open();
  }

  /** Opens the file and reads what the maps start from; damage that this shows costs the file, too. */
  #open(): Opened {
    const { file } = this.#options;
    const { now, warn } = this.#environment;
    const db = openDatabase(file, now, warn);
    try {
      return this.#openMaps(db);
    } catch (error) {
      db.close();
      if (!isUnusable(error)) throw error;
      warn(setAside(file, 'corrupt', messageOf(error), now()));
      return this.#openMaps(openDatabase(file, now, warn));
    }
  }

  #openMaps(db: DatabaseSync): Opened {
    const { frontSize, maxLayers, maxManifests, maxTags, maxTagsOfName, recencyMs } = this.#options;
    const { now, warn } = this.#environment;
    const shared = { db, frontSize, warn };
    const manifests = new ManifestMap({
      ...shared,
      bound: maxManifests,
      recencyMs,
      now,
      nextVersion: () => this.#nextVersion++,
    });
    const layers = new LayerMap({ ...shared, bound: maxLayers });
    const tags = new TagMap({ db, bound: maxTags, boundOfName: maxTagsOfName });
    return { db, manifests, layers, tags };
  }
}

/** Unreachable, and a compile error once a request has no case. */
function unknownRequest(request: never): never {
  throw new TypeError(`not a request: ${JSON.stringify(request)}`);
}
