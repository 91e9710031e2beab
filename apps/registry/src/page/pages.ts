import { fileURLToPath } from 'node:url';

import express, { type Request, type Response, Router } from 'express';

import type { BuildJournal } from '../builds/journal.ts';
import { BuildStreams } from '../builds/stream.ts';
import { buildPage, buildsPage, buildState } from './build-pages.ts';
import { indexPage } from './index-page.ts';
import { PAGE_HEADERS } from './layout.ts';

/** Beside `src` and `dist` both. */
const ASSETS = fileURLToPath(new URL('../../assets/', import.meta.url));

/** Everything that people look at in a browser. */
export class Pages {
  readonly router = Router({ strict: true });
  readonly #journal: BuildJournal;
  readonly #streams: BuildStreams;

  constructor(journal: BuildJournal) {
    this.#journal = journal;
    this.#streams = new BuildStreams(journal, (build) => buildState(build).text);
    this.router.use(
      '/assets',
      express.static(ASSETS, { index: false, fallthrough: false, redirect: false }),
    );
    this.router.get('/', (request, response) => {
      show(response, indexPage(request.headers.host));
    });
    this.router.get('/builds', (_request, response) => {
      show(response, buildsPage(journal.list()));
    });
    this.router.get('/builds.json', (_request, response) => {
      response.set('Cache-Control', 'no-store').json({ builds: journal.list() });
    });
    this.router.get('/builds/:id', (request, response, next) => {
      if (!this.#showBuild(request.params.id, response)) next();
    });
    this.router.get('/builds/:id/events', (request, response, next) => {
      if (!this.#stream(request, response, request.params.id)) next();
    });
  }

  /** Whether a path is one of theirs. */
  static has(path: string): boolean {
    return path === '/' || /^\/(?:assets|builds)(?:[/.]|$)/.test(path);
  }

  /** Ends what goes on without end. */
  stop(): void {
    this.#streams.stop();
  }

  #showBuild(name: string, response: Response): boolean {
    const isJson = name.endsWith('.json');
    const id = isJson ? name.slice(0, -'.json'.length) : name;
    const build = this.#journal.get(id);
    if (build === undefined) return false;
    if (isJson) {
      response.set('Cache-Control', 'no-store').json({ ...build, log: this.#journal.log(id) });
    } else {
      show(response, buildPage(build, this.#journal.log(id)));
    }
    return true;
  }

  #stream(request: Request, response: Response, id: string): boolean {
    if (this.#journal.get(id) === undefined) return false;
    const { from } = request.query;
    const line = typeof from === 'string' && /^\d{1,9}$/.test(from) ? Number(from) : 0;
    if (!this.#streams.serve(request, response, id, line)) {
      response.status(503).set('Retry-After', '30').end();
    }
    return true;
  }
}

function show(response: Response, page: string): void {
  response.set(PAGE_HEADERS).send(page);
}
