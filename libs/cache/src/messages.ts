/**
 * The actor's protocol. Both ends come from this package and start together, so envelopes are trusted; the records in
 * them are checked where they enter (the client's `put` methods) and where they come back from disk.
 */
import type { CacheErrorCode } from './errors.ts';
import type { CacheWarning } from './events.ts';
import type {
  BlobHolder,
  Digest,
  DropTarget,
  FormsHit,
  Freshness,
  LayerEntry,
  LayerRecord,
  ListCursor,
  ManifestEntry,
  ManifestHit,
  ManifestKind,
  ManifestRecord,
} from './records.ts';

export type CacheRequest =
  | { readonly type: 'manifest.get'; readonly key: string; readonly allowStale: boolean }
  /** The same for who serves it: a message is copied, and layers are most of a record. */
  | { readonly type: 'manifest.forms'; readonly key: string; readonly allowStale: boolean }
  /** Whether what was told under this version still holds, and is fresh. Nearly every pull asks it, and nearly always it does. */
  | { readonly type: 'manifest.still'; readonly version: number }
  | {
      readonly type: 'manifest.put';
      readonly key: string;
      readonly kind: ManifestKind;
      readonly record: ManifestRecord;
    }
  | { readonly type: 'manifest.drop'; readonly target: DropTarget }
  /** `manifest`: the digest of one of its forms. `content`: the digest of its config or of one of its layers. */
  | { readonly type: 'manifest.find'; readonly digest: Digest; readonly role: BlobRole }
  | {
      readonly type: 'manifest.list';
      readonly name: string | null;
      readonly after: ListCursor | null;
      readonly limit: number;
    }
  | {
      readonly type: 'manifest.holders';
      readonly digest: Digest;
      readonly role: BlobRole;
      readonly before: number | null;
      readonly limit: number;
    }
  | { readonly type: 'manifest.names'; readonly after: string | null; readonly limit: number }
  | { readonly type: 'layer.get'; readonly keys: readonly string[] }
  | { readonly type: 'layer.put'; readonly key: string; readonly record: LayerRecord }
  | { readonly type: 'layer.drop'; readonly target: DropTarget }
  | { readonly type: 'layer.find'; readonly digest: Digest }
  | { readonly type: 'tag.put'; readonly name: string; readonly tag: string }
  | {
      readonly type: 'tag.list';
      readonly name: string;
      readonly after: string | null;
      readonly limit: number;
    }
  | { readonly type: 'stats' }
  | { readonly type: 'stop' };

/** Whether it may write. A look-up can overtake a change that is not answered yet. */
export function isChange({ type }: CacheRequest): boolean {
  return changes.has(type);
}

const changes: ReadonlySet<RequestType> = new Set([
  'manifest.put',
  'manifest.drop',
  'layer.put',
  'layer.drop',
  'tag.put',
  'stop',
]);

/** The part a blob plays in an image. */
export type BlobRole = 'manifest' | 'content';

/** A reply carries its request's type; `ok` means durable. */
export type CacheReply =
  | { readonly type: 'manifest.get'; readonly hit: ManifestHit | null }
  | { readonly type: 'manifest.forms'; readonly hit: FormsHit | null }
  /** Null: the entry is to be asked for by its key. */
  | { readonly type: 'manifest.still'; readonly freshness: Freshness | null }
  | { readonly type: 'manifest.put'; readonly ok: true }
  | { readonly type: 'manifest.drop'; readonly ok: true }
  | { readonly type: 'manifest.find'; readonly entry: ManifestEntry | null }
  | { readonly type: 'manifest.list'; readonly entries: readonly ManifestEntry[] }
  | { readonly type: 'manifest.holders'; readonly holders: readonly BlobHolder[] }
  | { readonly type: 'manifest.names'; readonly names: readonly string[] }
  | { readonly type: 'layer.get'; readonly records: readonly (LayerRecord | null)[] }
  | { readonly type: 'layer.put'; readonly ok: true }
  | { readonly type: 'layer.drop'; readonly ok: true }
  | { readonly type: 'layer.find'; readonly entry: LayerEntry | null }
  | { readonly type: 'tag.put'; readonly ok: true }
  | { readonly type: 'tag.list'; readonly tags: readonly string[] }
  | { readonly type: 'stats'; readonly stats: StateStats }
  | { readonly type: 'stop'; readonly ok: true };

export type RequestType = CacheRequest['type'];
export type ReplyTo<T extends RequestType> = Extract<CacheReply, { type: T }>;

/** Counts of one map. Hits and misses are since the actor started. */
export interface MapStats {
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
}

export interface StateStats {
  readonly manifests: MapStats;
  readonly layers: MapStats;
}

/** A request on its way: `id` pairs it with its reply. */
export interface Ask {
  readonly id: number;
  readonly request: CacheRequest;
}

/** The reply to one ask, or the coded reason why there is none. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly reply: CacheReply }
  | {
      readonly id: number;
      readonly ok: false;
      readonly code: CacheErrorCode;
      readonly message: string;
    };

/** Client to actor: the asks of one tick, since each message costs a wake-up of the other thread. */
export type ToActor = readonly Ask[];

/** Actor to client. `ready` is the handshake: the database is open. */
export type FromActor =
  | { readonly type: 'ready' }
  | { readonly type: 'answers'; readonly answers: readonly Answer[] }
  | { readonly type: 'warning'; readonly warning: CacheWarning };
