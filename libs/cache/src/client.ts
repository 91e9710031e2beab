import type { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { check, dropTargetSchema, keysSchema, limitSchema, textSchema } from './arguments.ts';
import type { CacheClient, CacheOptions, CacheStats, CacheStatus } from './contract.ts';
import { CacheError } from './errors.ts';
import type { CacheEvent } from './events.ts';
import { Mailbox } from './mailbox.ts';
import type { BlobRole, CacheRequest, FromActor, ReplyTo } from './messages.ts';
import {
  digestSchema,
  keySchema,
  layerRecordSchema,
  manifestKinds,
  manifestRecordSchema,
  type BlobHolder,
  type Digest,
  type DropTarget,
  type FormsHit,
  type LayerEntry,
  type LayerRecord,
  type ManifestEntry,
  type ManifestHit,
  type ManifestKind,
  type ManifestRecord,
} from './records.ts';
import { Supervisor } from './supervisor.ts';

const STOP_DEADLINE_MS = 5_000;
const LIST_LIMIT = 100;

/** An actor that has owed answers for this many ask time-outs without giving one is taken for dead. */
const HUNG_AFTER_TIMEOUTS = 10;

const defaults = { askTimeoutMs: 5_000, mailboxCapacity: 10_000 } as const;
const backOffDefaults = { firstMs: 100, longestMs: 10_000, healthyMs: 10_000 } as const;

/** {@link CacheClient} over any worker that speaks the protocol. */
export class ActorClient implements CacheClient {
  readonly #capacity: number;
  readonly #hungMs: number;
  readonly #emit: (event: CacheEvent) => void;
  readonly #mailbox: Mailbox;
  readonly #supervisor: Supervisor;
  /** The greatest version that any thread has told. */
  #lastVersion = 0;

  /** @param start - starts the actor's thread, at once and after each crash */
  constructor(options: Omit<CacheOptions, 'file'>, start: (firstVersion: number) => Worker) {
    const timeoutMs = options.askTimeoutMs ?? defaults.askTimeoutMs;
    this.#capacity = options.mailboxCapacity ?? defaults.mailboxCapacity;
    this.#hungMs = timeoutMs * HUNG_AFTER_TIMEOUTS;
    this.#emit = options.onEvent ?? (() => undefined);
    this.#mailbox = new Mailbox({
      send: (asks) => this.#supervisor.post(asks),
      capacity: this.#capacity,
      timeoutMs,
      onAnswer: options.onAnswer ?? (() => undefined),
    });
    this.#supervisor = new Supervisor({
      start: () => start(this.#lastVersion + 1),
      backOff: { ...backOffDefaults, ...options.backOff },
      onMessage: (message) => this.#receive(message),
      onCrash: (error, restartInMs) => this.#crashed(error, restartInMs),
    });
  }

  get status(): CacheStatus {
    return { state: this.#supervisor.state, restarts: this.#supervisor.restarts };
  }

  async getManifest(
    key: string,
    { allowStale = false }: { readonly allowStale?: boolean } = {},
  ): Promise<ManifestHit | null> {
    return this.#missOnFailure(
      { type: 'manifest.get', key, allowStale },
      (reply) => reply.hit,
      null,
    );
  }

  async getForms(
    key: string,
    { allowStale = false, known }: Parameters<CacheClient['getForms']>[1] = {},
  ): Promise<FormsHit | null> {
    if (known === undefined) return this.#findForms(key, allowStale);
    const { record, version } = known;
    return this.#missOnFailure(
      { type: 'manifest.still', version },
      ({ freshness }) =>
        freshness === null ? this.#findForms(key, allowStale) : { version, record, ...freshness },
      null,
    );
  }

  async putManifest(key: string, kind: ManifestKind, record: ManifestRecord): Promise<boolean> {
    return this.#falseOnFailure({
      type: 'manifest.put',
      key: check(keySchema, key, 'key'),
      kind: check(z.enum(manifestKinds), kind, 'kind'),
      record: check(manifestRecordSchema, record, 'manifest record'),
    });
  }

  async dropManifest(target: DropTarget): Promise<boolean> {
    return this.#falseOnFailure({
      type: 'manifest.drop',
      target: check(dropTargetSchema, target, 'target'),
    });
  }

  async findManifest(digest: Digest): Promise<ManifestEntry | null> {
    return this.#findManifest(digest, 'manifest');
  }

  async findManifestWith(digest: Digest): Promise<ManifestEntry | null> {
    return this.#findManifest(digest, 'content');
  }

  async listManifests(
    query: Parameters<CacheClient['listManifests']>[0] = {},
  ): Promise<readonly ManifestEntry[]> {
    const { entries } = await this.#ask({
      type: 'manifest.list',
      name: query.name ?? null,
      after: query.after ?? null,
      limit: check(limitSchema, query.limit ?? LIST_LIMIT, 'limit'),
    });
    return entries;
  }

  async putTag(name: string, tag: string): Promise<boolean> {
    return this.#falseOnFailure({
      type: 'tag.put',
      name: check(textSchema, name, 'name'),
      tag: check(textSchema, tag, 'tag'),
    });
  }

  async listTags(
    name: string,
    query: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly string[]> {
    const { tags } = await this.#ask({
      type: 'tag.list',
      name,
      after: query.after ?? null,
      limit: check(limitSchema, query.limit ?? LIST_LIMIT, 'limit'),
    });
    return tags;
  }

  async listHolders(
    digest: Digest,
    role: BlobRole,
    query: { readonly before?: number; readonly limit?: number } = {},
  ): Promise<readonly BlobHolder[]> {
    const { holders } = await this.#ask({
      type: 'manifest.holders',
      digest: check(digestSchema, digest, 'digest'),
      role,
      before: query.before ?? null,
      limit: check(limitSchema, query.limit ?? LIST_LIMIT, 'limit'),
    });
    return holders;
  }

  async listNames(
    query: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly string[]> {
    const { names } = await this.#ask({
      type: 'manifest.names',
      after: query.after ?? null,
      limit: check(limitSchema, query.limit ?? LIST_LIMIT, 'limit'),
    });
    return names;
  }

  async getLayers(keys: readonly string[]): Promise<ReadonlyMap<string, LayerRecord>> {
    const wanted = [...new Set(check(keysSchema, keys, 'keys'))];
    const records = await this.#missOnFailure(
      { type: 'layer.get', keys: wanted },
      (reply) => reply.records,
      [],
    );
    const known = new Map<string, LayerRecord>();
    for (const [index, record] of records.entries()) {
      const key = wanted[index];
      if (key !== undefined && record !== null) known.set(key, record);
    }
    return known;
  }

  async putLayer(key: string, record: LayerRecord): Promise<boolean> {
    return this.#falseOnFailure({
      type: 'layer.put',
      key: check(keySchema, key, 'key'),
      record: check(layerRecordSchema, record, 'layer record'),
    });
  }

  async dropLayer(target: DropTarget): Promise<boolean> {
    return this.#falseOnFailure({
      type: 'layer.drop',
      target: check(dropTargetSchema, target, 'target'),
    });
  }

  async findLayer(digest: Digest): Promise<LayerEntry | null> {
    return this.#missOnFailure(
      { type: 'layer.find', digest: check(digestSchema, digest, 'digest') },
      (reply) => reply.entry,
      null,
    );
  }

  async stats(): Promise<CacheStats> {
    const { stats } = await this.#ask({ type: 'stats' });
    return { ...stats, mailbox: { depth: this.#mailbox.depth, capacity: this.#capacity } };
  }

  async stop({ deadlineMs = STOP_DEADLINE_MS }: { readonly deadlineMs?: number } = {}) {
    await this.#supervisor.stop(() => this.#mailbox.askToStop(), deadlineMs);
    this.#mailbox.rejectAll((type) => stopped(type));
  }

  #findForms(key: string, allowStale: boolean): Promise<FormsHit | null> {
    return this.#missOnFailure(
      { type: 'manifest.forms', key, allowStale },
      ({ hit }) => {
        this.#lastVersion = Math.max(this.#lastVersion, hit?.version ?? 0);
        return hit;
      },
      null,
    );
  }

  async #findManifest(digest: Digest, role: BlobRole): Promise<ManifestEntry | null> {
    const { entry } = await this.#ask({
      type: 'manifest.find',
      digest: check(digestSchema, digest, 'digest'),
      role,
    });
    return entry;
  }

  /** The policy for look-ups: whatever keeps the cache from answering, the caller sees a miss. */
  async #missOnFailure<R extends CacheRequest, T>(
    request: R,
    read: (reply: ReplyTo<R['type']>) => T | Promise<T>,
    miss: T,
  ): Promise<T> {
    try {
      return read(await this.#ask(request));
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      this.#emit({ type: 'degraded', operation: request.type, error });
      return miss;
    }
  }

  /** The policy for changes: true once durable, false whatever kept it from that. */
  async #falseOnFailure(request: CacheRequest): Promise<boolean> {
    return this.#missOnFailure(request, () => true, false);
  }

  async #ask<R extends CacheRequest>(request: R): Promise<ReplyTo<R['type']>> {
    const { type } = request;
    if (this.#supervisor.state === 'stopped') throw stopped(type);
    if (this.#supervisor.state === 'down') {
      throw new CacheError('unavailable', `${type}: the cache is down and about to restart`);
    }
    try {
      return await this.#mailbox.ask(request);
    } catch (error) {
      if (this.#mailbox.silentMs > this.#hungMs) {
        this.#supervisor.kill(new Error(`the cache actor gave no answer for ${this.#hungMs} ms`));
      }
      throw error;
    }
  }

  #receive(message: FromActor): void {
    switch (message.type) {
      case 'ready':
        return this.#emit({ type: 'ready', restarts: this.#supervisor.restarts });
      case 'answers':
        return this.#mailbox.deliver(message.answers);
      case 'warning':
        return this.#emit(message.warning);
    }
  }

  #crashed(error: Error, restartInMs: number): void {
    this.#emit({ type: 'crashed', error, restartInMs, restarts: this.#supervisor.restarts });
    this.#mailbox.rejectAll(
      (type) => new CacheError('restarted', `${type}: the cache died meanwhile`, { cause: error }),
    );
  }
}

function stopped(type: CacheRequest['type']): CacheError {
  return new CacheError('stopped', `${type}: the cache has stopped`);
}
