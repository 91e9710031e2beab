import { fileURLToPath } from 'node:url';

import { canonicalName, parsePullRequest, type System } from '@nixery/builder';
import express, { type Request, type Response, Router } from 'express';

import type { Callers } from '../access/callers.ts';
import type { PackageAccess } from '../access/package-access.ts';
import type { BuildJournal } from '../builds/journal.ts';
import { BuildStreams } from '../builds/stream.ts';
import type { BuildView } from '../builds/view.ts';
import type { Composer } from '../compose/composition.ts';
import { parseSelection } from '../compose/selection.ts';
import { httpErrors } from '../http/errors.ts';
import { parseReference, reference, shortName } from '../images/image-names.ts';
import type { Images } from '../images/images.ts';
import type { ImageView } from '../images/view.ts';
import { buildPage, buildsPage, buildState } from './build-pages.ts';
import { imageAddress, imagePage } from './image-page.ts';
import { composePage } from './compose-page.ts';
import { PAGE_HEADERS } from './layout.ts';
import { placeOf } from './place.ts';

/** Beside `src` and `dist` both. */
const ASSETS = fileURLToPath(new URL('../../assets/', import.meta.url));

/** Images that are named as examples. */
const MAX_RECENT = 6;

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export interface PagesOptions {
  readonly access: Pick<PackageAccess, 'allows' | 'requirePackages' | 'allowsName'>;
  readonly callers: Callers;
  readonly composer: Composer;
  readonly images: Images;
  readonly journal: BuildJournal;
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
}

/** Everything that people look at in a browser. */
export class Pages {
  readonly router = Router({ strict: true, caseSensitive: true });
  readonly #options: PagesOptions;
  readonly #streams: BuildStreams;

  constructor(options: PagesOptions) {
    const { journal } = options;
    this.#options = options;
    this.#streams = new BuildStreams({
      journal,
      render: (build) => buildState(build, imageAddress(build, options.systems)).text,
    });
    this.router.use(({ method, path }, _response, next) => {
      next(READS.has(method) || !Pages.has(path) ? undefined : httpErrors.readOnly());
    });
    this.router.use('/assets', express.static(ASSETS, { index: false, redirect: false }));
    this.router.get('/', async (request, response) => {
      await this.#showComposer(request, response);
    });
    this.router.get('/images/*reference', async (request, response) => {
      await this.#showImage(request, response, request.params.reference.join('/'));
    });
    this.router.get('/builds', (request, response) => {
      show(response, buildsPage(this.#buildsFor(request)));
    });
    this.router.get('/builds.json', (request, response) => {
      response.set('Cache-Control', 'no-store').json({ builds: this.#buildsFor(request) });
    });
    this.router.get('/builds/:id', (request, response) => {
      this.#showBuild(request, response, request.params.id);
    });
    this.router.get('/builds/:id/events', (request, response) => {
      this.#stream(request, response, request.params.id);
    });
  }

  /** Whether a path is one of theirs. */
  static has(path: string): boolean {
    return path === '/' || /^\/(?:assets|builds|images)(?:[/.]|$)/.test(path);
  }

  /** Ends what goes on without end. */
  stop(): void {
    this.#streams.stop();
  }

  /** @throws HttpError 429, CacheError, BlobError */
  async #showComposer(request: Request, response: Response): Promise<void> {
    const { access, callers, composer, systems } = this.#options;
    const caller = callers.of(request);
    const [, query = ''] = request.originalUrl.split('?');
    const composition = await composer.compose(parseSelection(new URLSearchParams(query)), caller);
    const page = composePage({
      composition,
      place: placeOf(request),
      systems,
      recent: this.#recentImages((image) => access.allowsName(caller, image)),
      latest:
        composition.outcome.kind === 'image'
          ? this.#latestBuild(composition.outcome.image)
          : undefined,
    });
    show(response, page);
  }

  /** Of what was built of late. */
  #recentImages(isVisible: (image: string) => boolean): readonly string[] {
    const { journal, systems } = this.#options;
    const names = new Set<string>();
    for (const { name, state, systems: built, tag } of journal.newest()) {
      if (state !== 'done' || !isVisible(name)) continue;
      names.add(reference(shortName(name, built, systems), tag));
      if (names.size === MAX_RECENT) break;
    }
    return [...names];
  }

  /** @throws HttpError, BuildError `name-invalid`, CacheError, BlobError */
  async #showImage(request: Request, response: Response, text: string): Promise<void> {
    const { access, callers, composer, images, journal, systems } = this.#options;
    const { name, tag } = parseReference(text);
    const wanted = parsePullRequest(name, tag, systems);
    const caller = callers.of(request);
    access.requirePackages(caller, wanted.packages);
    const image = await images.find(wanted);
    const page = imagePage({
      image,
      latest: this.#latestBuild(image),
      details: await composer.details(
        wanted.packages.map((name) => name.toLowerCase()),
        caller,
      ),
      builds: journal.listOf(canonicalName(wanted)),
      place: placeOf(request),
      isVisible: (image) => access.allowsName(caller, image),
    });
    show(response, page);
  }

  #buildsFor(request: Request): readonly BuildView[] {
    return this.#options.journal.list().filter((build) => this.#isFor(request, build));
  }

  /** Whether whoever asks may have the image that a build makes. */
  #isFor(request: Request, { packages }: BuildView): boolean {
    const { access, callers } = this.#options;
    return access.allows(callers.of(request), packages);
  }

  /** Of an image with just this tag and these platforms. */
  #latestBuild({ name, systems, tag }: ImageView): BuildView | undefined {
    const canonical = canonicalName(parsePullRequest(name, tag, this.#options.systems));
    return this.#options.journal
      .listOf(canonical)
      .find((build) => build.tag === tag && build.systems.join() === systems.join());
  }

  /** @throws HttpError 404 */
  #showBuild(request: Request, response: Response, name: string): void {
    const { journal, systems } = this.#options;
    const isJson = name.endsWith('.json');
    const id = isJson ? name.slice(0, -'.json'.length) : name;
    const build = journal.get(id);
    if (build === undefined || !this.#isFor(request, build)) throw httpErrors.buildUnknown();
    if (isJson) {
      response.set('Cache-Control', 'no-store').json({ ...build, log: journal.log(id) });
    } else {
      show(response, buildPage(build, journal.log(id), imageAddress(build, systems)));
    }
  }

  /** @throws HttpError 404 */
  #stream(request: Request, response: Response, id: string): void {
    const build = this.#options.journal.get(id);
    if (build === undefined || !this.#isFor(request, build)) throw httpErrors.buildUnknown();
    const { from } = request.query;
    const line = typeof from === 'string' && /^\d{1,9}$/.test(from) ? Number(from) : 0;
    if (!this.#streams.serve(request, response, id, line)) {
      response.status(503).set('Retry-After', '30').end();
    }
  }
}

function show(response: Response, page: string): void {
  response.set(PAGE_HEADERS).send(page);
}
