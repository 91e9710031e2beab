import type { CacheEvent } from './events.ts';
import type { BlobRole, StateStats } from './messages.ts';
import type {
  BlobHolder,
  Digest,
  DropTarget,
  FormsHit,
  KnownForms,
  LayerEntry,
  LayerRecord,
  ListCursor,
  ManifestEntry,
  ManifestHit,
  ManifestKind,
  ManifestRecord,
} from './records.ts';
import type { ActorState, BackOff } from './supervisor.ts';

export interface CacheOptions {
  /**
   * The database's path (its folder is made), or `:memory:` for one that dies with its thread. One process at a time may use
   * it, and the caller sees to that: the actor takes what it has in memory for what is in the file.
   */
  readonly file: string;
  /** Entries; the least recently used go first. Default 100,000 manifests, 1,000,000 layers, 200,000 tags, 1,000 of them of one name. */
  readonly bounds?: {
    readonly manifests?: number;
    readonly layers?: number;
    readonly tags?: number;
    readonly tagsOfName?: number;
  };
  /** ms for which a moving entry is fresh. Default 6 h. */
  readonly recencyMs?: number;
  /** ms until an ask without an answer is rejected. Default 5 s: SQLite may have to wait for a busy disk. */
  readonly askTimeoutMs?: number;
  /** Asks that may be unanswered at once. Default 10,000. */
  readonly mailboxCapacity?: number;
  /** ms between restarts of a thread that dies. Default 100 doubling to 10,000; a thread counts as healthy after 10,000. */
  readonly backOff?: Partial<BackOff>;
  /** Told of each answer: how long its caller waited for it (ms). Must not throw. */
  readonly onAnswer?: (waitedMs: number) => void;
  /** Told of everything that no caller sees. Must not throw. */
  readonly onEvent?: (event: CacheEvent) => void;
}

export interface CacheStats extends StateStats {
  readonly mailbox: { readonly depth: number; readonly capacity: number };
}

export interface CacheStatus {
  /** Not `ready` for long: a crash loop, or a database that another process holds. */
  readonly state: ActorState;
  /** How often the thread has died. */
  readonly restarts: number;
}

/**
 * The cache, as its callers see it.
 *
 * A failure of the cache is a miss, never the failure of a pull: look-ups answer as if nothing were known, `put` and
 * `drop` answer false, and `onEvent` is told. Only `findManifest…`, `list…` and `stats` reject, since a caller that took an
 * empty answer for the truth would give up a blob that an image holds, or delete all. Arguments that break the schema reject
 * everywhere, with `invalid`.
 *
 * Changes are made in the order they are asked for. Look-ups do not wait for them: a change is seen once it is answered.
 */
export interface CacheClient {
  /** The entry, or null when it is unknown or past its freshness. With `allowStale` an expired one too, marked so. */
  getManifest(
    key: string,
    options?: { readonly allowStale?: boolean },
  ): Promise<ManifestHit | null>;
  /**
   * The same, of the record only what serving the image needs.
   * @param options - `known`: what an earlier look-up of this key found. Where that still holds, its record comes back, the same
   * object; asking so is much cheaper
   */
  getForms(
    key: string,
    options?: { readonly allowStale?: boolean; readonly known?: KnownForms | undefined },
  ): Promise<FormsHit | null>;
  /** @returns true once it is durable. The entry's age counts from now. */
  putManifest(key: string, kind: ManifestKind, record: ManifestRecord): Promise<boolean>;
  /** By digest: of a form, the config, or a layer. @returns true once nothing of it is left */
  dropManifest(target: DropTarget): Promise<boolean>;
  /** The latest entry one of whose forms has this digest, fresh or not. @throws CacheError */
  findManifest(digest: Digest): Promise<ManifestEntry | null>;
  /** The latest entry whose config, or one of whose layers or children, has this digest, fresh or not. @throws CacheError */
  findManifestWith(digest: Digest): Promise<ManifestEntry | null>;
  /**
   * A page of the images that a blob is part of, fresh or not, those that came last first.
   * @param role - `manifest`: it is one of their forms. `content`: their config or one of their layers
   * @param query - `before`: only those before this position. `limit`: 1 to 1000, default 100
   * @throws CacheError
   */
  listHolders(
    digest: Digest,
    role: BlobRole,
    query?: { readonly before?: number; readonly limit?: number },
  ): Promise<readonly BlobHolder[]>;
  /**
   * A page of entries, fresh or not, by name, reference and key.
   * @param query - `name`: only of this name. `limit`: 1 to 1000, default 100
   * @throws CacheError
   */
  listManifests(query?: {
    readonly name?: string;
    readonly after?: ListCursor;
    readonly limit?: number;
  }): Promise<readonly ManifestEntry[]>;
  /**
   * Keeps a tag that an image is known under besides those that its entries were put with: where tags do not choose the
   * package set, one entry stands for all of them. @returns true once it is durable
   */
  putTag(name: string, tag: string): Promise<boolean>;
  /**
   * The tags known for a name, in lexical order: the references of what was put, and what was noted by `putTag`.
   * @param query - `after`: only those beyond this one. `limit`: 1 to 1000, default 100
   * @throws CacheError
   */
  listTags(
    name: string,
    query?: { readonly after?: string; readonly limit?: number },
  ): Promise<readonly string[]>;
  /**
   * The names of all entries, each once, in lexical order.
   * @param query - `after`: only those beyond this one. `limit`: 1 to 1000, default 100
   * @throws CacheError
   */
  listNames(query?: {
    readonly after?: string;
    readonly limit?: number;
  }): Promise<readonly string[]>;
  /** The known ones of these keys, in one message. */
  getLayers(keys: readonly string[]): Promise<ReadonlyMap<string, LayerRecord>>;
  /** To be called once the blob is stored, never before. @returns true once it is durable */
  putLayer(key: string, record: LayerRecord): Promise<boolean>;
  /** @returns true once nothing of it is left */
  dropLayer(target: DropTarget): Promise<boolean>;
  /** The latest entry whose blob has this digest. */
  findLayer(digest: Digest): Promise<LayerEntry | null>;
  /** @throws CacheError */
  stats(): Promise<CacheStats>;
  /** At once, without asking the actor. */
  readonly status: CacheStatus;
  /**
   * Answers what was asked before, writes what is noted, closes the database and ends the thread; after `deadlineMs`
   * (default 5000) ends it in any case. Later look-ups find nothing.
   */
  stop(options?: { readonly deadlineMs?: number }): Promise<void>;
}
