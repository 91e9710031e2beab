/** A limit: what it bounds, its unit, where its number is stated, and what happens beyond it (Markdown). */
export type Limit = readonly [what: string, unit: Unit, from: Stated, beyond: string];
export type Unit = 'ms' | 'bytes' | 'seconds' | 'count';
/** By a setting's default, or by a number in a source file. */
export type Stated = { readonly setting: string } | readonly [file: string, constant: string];

const BUILDER = 'libs/builder/src';
const REGISTRY = 'apps/registry/src';

/** The limits of docs/limits.md, by its sections. */
export const LIMITS: Readonly<Record<string, readonly Limit[]>> = {
  names: [
    [
      'Characters of an image’s name',
      'count',
      [`${BUILDER}/image-name.ts`, 'MAX_NAME_LENGTH'],
      '400 `NAME_INVALID`; most clients refuse it themselves',
    ],
    [
      'Packages that a name lists, those of `shell` not counted',
      'count',
      [`${BUILDER}/image-name.ts`, 'MAX_PACKAGES'],
      '400 `NAME_INVALID`',
    ],
    [
      'Names on a page of tags, or of the catalogue',
      'count',
      [`${REGISTRY}/http/page.ts`, 'MAX_PAGE'],
      'the next page has them (`Link`)',
    ],
  ],
  builds: [
    [
      'Images being built or waiting for it',
      'count',
      { setting: 'NIXERY_MAX_BUILDS' },
      '429; what is known is served on',
    ],
    ['The same for one client', 'count', { setting: 'NIXERY_CLIENT_BUILDS' }, '429'],
    ['Nix processes at the same time', 'count', { setting: 'NIXERY_NIX_PROCESSES' }, 'builds wait'],
    [
      'Time for one derivation',
      'seconds',
      { setting: 'NIX_TIMEOUT' },
      '422; it is tried again when somebody asks',
    ],
    [
      'Time for one image, waiting included',
      'seconds',
      { setting: 'NIXERY_BUILD_TIMEOUT' },
      '429; what is built by then is kept',
    ],
    [
      'Time to learn what a branch, a tag or a channel stands for',
      'ms',
      [`${BUILDER}/reach.ts`, 'RESOLVE_MS'],
      'an older image, if there is one; else 429',
    ],
    [
      'Time to fetch a package source',
      'ms',
      [`${BUILDER}/source/store.ts`, 'FETCH_DEADLINE_MS'],
      '429',
    ],
    [
      'Time for `NIXERY_PKGS_REFRESH`',
      'ms',
      [`${BUILDER}/source/refresher.ts`, 'DEADLINE_MS'],
      'the build fails as it would have',
    ],
    ['Between two runs of it', 'ms', [`${BUILDER}/source/refresher.ts`, 'INTERVAL_MS'], ''],
    [
      'A failure is remembered for',
      'ms',
      [`${BUILDER}/failures.ts`, 'DETERMINISTIC_MS'],
      'asked again after that, it is tried again',
    ],
    ['… where asking again may help', 'ms', [`${BUILDER}/failures.ts`, 'TRANSIENT_MS'], 'the same'],
  ],
  images: [
    [
      'Layers of store paths; one with links to them comes on top',
      'count',
      [`${BUILDER}/layer/plan.ts`, 'DEFAULT_LAYER_BUDGET'],
      'paths share layers',
    ],
    [
      'Size from which a store path has a layer of its own',
      'bytes',
      [`${BUILDER}/layer/plan.ts`, 'ALONE_FROM'],
      'smaller ones share layers',
    ],
    [
      'Sources of packages that are kept from Nix’ garbage collection',
      'count',
      [`${BUILDER}/source/store.ts`, 'KEPT'],
      'those that nobody asked for within an hour are fetched again',
    ],
    [
      'Outputs that nobody asks for are kept from it for',
      'ms',
      [`${BUILDER}/held-outputs.ts`, 'HELD_MS'],
      'they are built again, or fetched, if a new image wants them',
    ],
  ],
  requests: [
    [
      'Time that a request waits for a build before it is redirected to itself',
      'seconds',
      { setting: 'NIXERY_HOLD_SECONDS' },
      '307',
    ],
    [
      'Such redirects of one request',
      'count',
      [`${REGISTRY}/http/hold.ts`, 'MAX_HOPS'],
      'the last request waits for the build, or for `NIXERY_LAST_HOLD_SECONDS`',
    ],
    ['Requests a minute of one client', 'count', { setting: 'NIXERY_CLIENT_REQUESTS' }, '429'],
    [
      'Clients that are told apart for these limits',
      'count',
      [`${REGISTRY}/access/rate-limit.ts`, 'MAX_CLIENTS'],
      'those not seen for longest begin anew',
    ],
    [
      'Passwords being checked or waiting for it',
      'count',
      [`${REGISTRY}/access/password-check.ts`, 'MAX_PENDING'],
      '429',
    ],
    [
      'The same for one client',
      'count',
      [`${REGISTRY}/access/password-check.ts`, 'MAX_PENDING_PER_CLIENT'],
      '429',
    ],
    [
      'Cost of a bcrypt hash',
      'count',
      [`${REGISTRY}/access/htpasswd.ts`, 'MAX_COST'],
      'the file is refused',
    ],
    [
      'Characters of a token, at least',
      'count',
      [`${REGISTRY}/access/tokens.ts`, 'MIN_LENGTH'],
      'the file is refused',
    ],
    [
      'Bytes of a request’s address and headers',
      'bytes',
      [`${REGISTRY}/web-server.ts`, 'MAX_HEADERS'],
      '431',
    ],
    [
      'Time for them to arrive, give or take half a minute',
      'ms',
      [`${REGISTRY}/web-server.ts`, 'HEADERS_MS'],
      '408',
    ],
    [
      'Time that a client may take nothing of a blob',
      'ms',
      [`${REGISTRY}/http/stalled.ts`, 'STALLED_MS'],
      'it is broken off; clients go on where they were',
    ],
    [
      'A connection on which nothing is asked is kept for',
      'ms',
      [`${REGISTRY}/web-server.ts`, 'KEEP_ALIVE_MS'],
      'it is closed',
    ],
    [
      'Time that answers under way get when the server stops',
      'ms',
      [`${REGISTRY}/web-server.ts`, 'DRAIN_MS'],
      'they are broken off',
    ],
  ],
  knowledge: [
    [
      'Images that a server knows',
      'count',
      ['libs/cache/src/options.ts', 'maxManifests'],
      'the least recently used are forgotten, and learned from the storage again',
    ],
    ['Layers that a server knows', 'count', ['libs/cache/src/options.ts', 'maxLayers'], 'the same'],
    [
      'A branch, a channel or a folder is taken to be what it was for',
      'seconds',
      { setting: 'NIXERY_RECENCY_SECONDS' },
      'the image is built anew',
    ],
    [
      '… and served while it is built anew for',
      'seconds',
      { setting: 'NIXERY_STALE_SECONDS' },
      'requests wait',
    ],
    [
      'Manifests in memory',
      'bytes',
      [`${REGISTRY}/manifest-bodies.ts`, 'MAX_MEMORY'],
      'they are read from the storage',
    ],
    [
      'Parts of blobs that the kernel is sending at a time',
      'count',
      [`${REGISTRY}/http/file-sender.ts`, 'MAX_CALLS'],
      'the others wait for their turn',
    ],
    [
      'Builds that ended and are still shown',
      'count',
      [`${REGISTRY}/builds/journal.ts`, 'MAX_ENDED'],
      'the oldest are forgotten',
    ],
    [
      'Lines of log that a build’s page shows',
      'count',
      [`${REGISTRY}/builds/build-log.ts`, 'MAX_LINES'],
      'the first are dropped',
    ],
    [
      'Bytes of log that a client is sent',
      'bytes',
      [`${REGISTRY}/http/errors.ts`, 'MAX_LOG'],
      'the end is sent',
    ],
    [
      'Browsers that follow builds',
      'count',
      [`${REGISTRY}/builds/stream.ts`, 'MAX_STREAMS'],
      '503; the page says that it is not live',
    ],
  ],
  pages: [
    [
      'Packages that a search finds',
      'count',
      [`${REGISTRY}/search/package-search.ts`, 'MAX_PACKAGES'],
      'the best matches are given',
    ],
    [
      'Characters of a query that count',
      'count',
      [`${REGISTRY}/search/query.ts`, 'MAX_LENGTH'],
      'the rest is not looked at',
    ],
    [
      'Searches that wait',
      'count',
      [`${REGISTRY}/search/package-search.ts`, 'MAX_QUEUE'],
      'nothing is found',
    ],
    [
      'Time for one step of making the index',
      'ms',
      [`${REGISTRY}/search/indexer.ts`, 'BATCH_DEADLINE_MS'],
      'smaller steps; what cannot be read is left out',
    ],
    ['Memory of Nix for that', 'bytes', [`${REGISTRY}/search/indexer.ts`, 'MAX_HEAP'], 'the same'],
    [
      'Images that are looked at to tell who shares a layer',
      'count',
      [`${REGISTRY}/images/image-layers.ts`, 'MAX_HOLDERS'],
      'further ones are not counted',
    ],
    [
      'Pages of images that wait to be made',
      'count',
      [`${REGISTRY}/images/images.ts`, 'MAX_WAITING'],
      '429',
    ],
  ],
  storage: [
    [
      'Time for a request to a bucket, all attempts together',
      'ms',
      [`${REGISTRY}/open-store.ts`, 'DEADLINE_MS'],
      '503',
    ],
    [
      'Time for an upload, all attempts together',
      'ms',
      ['libs/storage/src/bucket/tuning.ts', 'uploadDeadlineMs'],
      'the build fails with 503',
    ],
    [
      'A signed address holds for',
      'ms',
      ['libs/storage/src/gcs/sign.ts', 'VALID_MS'],
      'clients ask the registry again',
    ],
    [
      'A blob that could not be made again is not tried again for',
      'ms',
      [`${BUILDER}/healer.ts`, 'RETRY_AFTER_MS'],
      '404',
    ],
    [
      'A cache that starts anew is waited for, before a blob is unknown',
      'ms',
      [`${BUILDER}/cache-answer.ts`, 'CACHE_WAIT_MS'],
      '503',
    ],
    ['What the scrub reads a second', 'bytes', [`${BUILDER}/scrubber.ts`, 'BYTES_PER_SECOND'], ''],
    [
      'Age from which `gc` may remove a blob, at least',
      'ms',
      [`${BUILDER}/housekeeping/collect.ts`, 'MIN_GRACE_MS'],
      'a smaller `--grace` is refused',
    ],
  ],
};
