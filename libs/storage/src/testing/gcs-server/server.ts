import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readBody } from '../body.ts';
import { answerError, answerJson, type Exchange } from './answer.ts';
import { listen } from '../listen.ts';
import { answerMedia } from './media.ts';
import { createObjects, holds, resourceOf, type Objects } from './objects.ts';
import { verifySignature, type Account } from './signature.ts';
import { createUploads, type Uploads } from './uploads.ts';

export interface GcsServerOptions {
  /** The one bucket that there is. */
  readonly bucket: string;
  /** Who may sign addresses. */
  readonly account?: Account;
  /** The bearer token that requests to the API have to carry; without it any may be made. */
  readonly token?: string;
  /** What `testPermissions` answers; null if the server knows nothing of it, as some emulators. Default: everything. */
  readonly permissions?: readonly string[] | null;
  /** Whether anybody may read objects at their public addresses. Default: no. */
  readonly isPublic?: boolean;
  /** How many objects a page of a listing holds. Default: 1,000, as at Google. */
  readonly pageSize?: number;
  /** Sees each request before it is served. */
  readonly onRequest?: (request: IncomingMessage) => void;
  /** The server's clock, in ms since the epoch. */
  readonly now?: () => number;
}

/** A server of the part of Cloud Storage's JSON API that stores need, on loopback, with its objects in memory. */
export interface GcsServer {
  readonly endpoint: string;
  readonly objects: Objects;
  readonly uploads: Pick<Uploads, 'forget'>;
  readonly close: () => Promise<void>;
}

export async function startGcsServer(options: GcsServerOptions): Promise<GcsServer> {
  const objects = createObjects();
  const uploads = createUploads(objects);

  function serve(request: IncomingMessage, response: ServerResponse): void {
    options.onRequest?.(request);
    const url = new URL(request.url ?? '', 'http://server');
    route({ request, response, url }).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  }

  async function route(exchange: Exchange): Promise<void> {
    const { request, url } = exchange;
    const [api, bucket = '', rest = ''] =
      /^\/(?:upload\/)?storage\/v1\/b\/([^/]+)(?:\/(.*))?$/.exec(url.pathname) ?? [];
    if (api === undefined) return serveLink(exchange);
    const { token } = options;
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return answerError(exchange, 401, 'authError');
    }
    if (decodeURIComponent(bucket) !== options.bucket) {
      return answerError(exchange, 404, 'The specified bucket does not exist.');
    }
    if (url.pathname.startsWith('/upload/')) {
      const id = url.searchParams.get('upload_id');
      return await (id === null ? uploads.start(exchange) : uploads.resume(exchange, id));
    }
    if (rest === 'iam/testPermissions') return answerPermissions(exchange);
    if (rest === 'o') return answerList(exchange);
    const [, name, action] = /^o\/([^/]+)(?:\/(.+))?$/.exec(rest) ?? [];
    if (name === undefined) return answerError(exchange, 404, 'notFound');
    await serveObject(exchange, decodeURIComponent(name), action);
  }

  function answerPermissions(exchange: Exchange): void {
    const asked = exchange.url.searchParams.getAll('permissions');
    const { permissions = asked } = options;
    if (permissions === null) return answerError(exchange, 404, 'notFound');
    const granted = asked.filter((permission) => permissions.includes(permission));
    answerJson(exchange, 200, granted.length === 0 ? {} : { permissions: granted });
  }

  function answerList(exchange: Exchange): void {
    const query = exchange.url.searchParams;
    const prefix = query.get('prefix') ?? '';
    const after = Buffer.from(query.get('pageToken') ?? '', 'base64').toString();
    const size = Math.min(Number(query.get('maxResults') ?? '1000'), options.pageSize ?? 1000);
    const matching = objects.all().filter(({ name }) => name.startsWith(prefix) && name > after);
    const page = matching.slice(0, size);
    const last = page.at(-1)?.name ?? '';
    answerJson(exchange, 200, {
      // The service leaves empty lists out.
      ...(page.length > 0 && { items: page.map(resourceOf) }),
      ...(matching.length > page.length && { nextPageToken: Buffer.from(last).toString('base64') }),
    });
  }

  async function serveObject(exchange: Exchange, name: string, action?: string): Promise<void> {
    const { request, response, url } = exchange;
    const object = objects.get(name);
    const generation = url.searchParams.get('generation');
    const body = await readBody(request);
    if (object === undefined || (generation ?? `${object.generation}`) !== `${object.generation}`) {
      return answerError(exchange, 404, `No such object: ${name}`);
    }
    const ifGenerationMatch = url.searchParams.get('ifGenerationMatch');
    if (!holds(object, { ifGenerationMatch })) return answerError(exchange, 412, 'conditionNotMet');
    if (action !== undefined) return copyObject(exchange, object.name, action);
    switch (request.method) {
      case 'GET':
        if (url.searchParams.get('alt') === 'media') return answerMedia(exchange, object);
        return answerJson(exchange, 200, resourceOf(object));
      case 'PATCH':
        objects.put({ ...object, ...JSON.parse(String(body)), updated: new Date() });
        return answerJson(exchange, 200, resourceOf(objects.get(name) ?? object));
      case 'DELETE':
        objects.delete(name);
        response.writeHead(204).end();
        return;
      default:
        answerError(exchange, 405, 'methodNotAllowed');
    }
  }

  /** `copyTo/b/<bucket>/o/<name>`, `rewriteTo/…` */
  function copyObject(exchange: Exchange, name: string, action: string): void {
    const [, verb, target] = /^(copyTo|rewriteTo)\/b\/[^/]+\/o\/([^/]+)$/.exec(action) ?? [];
    const source = objects.get(name);
    if (target === undefined || source === undefined) return answerError(exchange, 404, 'notFound');
    const copy = objects.put({ ...source, name: decodeURIComponent(target), updated: new Date() });
    const resource = copy === null ? null : resourceOf(copy);
    answerJson(exchange, 200, verb === 'copyTo' ? resource : { done: true, resource });
  }

  /** Addresses for clients: `/<bucket>/<name>`, public or signed. */
  function serveLink(exchange: Exchange): void {
    const { url } = exchange;
    const object = objects.get(decodeURIComponent(url.pathname.slice(options.bucket.length + 2)));
    if (url.searchParams.has('X-Goog-Signature')) {
      const now = options.now?.() ?? Date.now();
      const verdict = verifySignature(exchange, options.account, now);
      if (verdict === 'wrong') return answerError(exchange, 403, 'SignatureDoesNotMatch');
      if (verdict === 'expired') return answerError(exchange, 400, 'ExpiredToken');
    } else if (options.isPublic !== true) {
      return answerError(exchange, 403, 'AccessDenied');
    }
    if (object === undefined) return answerError(exchange, 404, 'NoSuchKey');
    answerMedia(exchange, object);
  }

  const server = createServer(serve);
  const { origin, close } = await listen(server);
  return { endpoint: origin, objects, uploads, close };
}
