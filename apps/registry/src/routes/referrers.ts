import { checkDigest } from '../http/digest.ts';
import type { Exchange } from '../http/exchange.ts';
import { jsonBody } from '../http/respond.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const NOTHING = jsonBody({ schemaVersion: 2, mediaType: INDEX, manifests: [] });

/**
 * `GET /v2/<name>/referrers/<digest>`: an index of what refers to a manifest. Nothing can be pushed here, so nothing does;
 * that is an empty index and not 404, which would tell clients that the registry knows no referrers.
 * {@link https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers}
 *
 * @throws HttpError for a malformed digest
 */
export function serveReferrers(exchange: Exchange, digest: string): void {
  checkDigest(digest);
  const isFiltered = exchange.query.has('artifactType');
  const filters = isFiltered ? ['OCI-Filters-Applied', 'artifactType'] : [];
  exchange.send(200, ['Content-Type', INDEX, ...filters], NOTHING);
}
