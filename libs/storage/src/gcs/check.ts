import * as z from 'zod';
import { BlobError } from '../error.ts';
import type { Connection } from './connection.ts';
import { failure, parseJson } from './error.ts';

/** Without `list`, Cloud Storage answers 403 instead of 404 for what is not there. */
const NEEDED = [
  'storage.objects.create',
  'storage.objects.delete',
  'storage.objects.get',
  'storage.objects.list',
] as const;

const permissionsSchema = z.object({ permissions: z.array(z.string()).default([]) });

/**
 * Makes sure that the bucket is there and may be used.
 *
 * @throws BlobError `invalid` if there is no such bucket, `denied` naming what is not permitted and what to do.
 */
export async function checkBucket(connection: Connection, signal: AbortSignal): Promise<void> {
  const { bucket } = connection;
  const answer = await connection.send({
    method: 'GET',
    path: `/storage/v1/b/${encodeURIComponent(bucket)}/iam/testPermissions?${NEEDED.map((permission) => `permissions=${permission}`).join('&')}`,
    signal,
  });
  if (answer.status === 404 || answer.status === 501) {
    await answer.text();
    await checkListing(connection, signal);
    return;
  }
  if (answer.status !== 200) throw unusable(bucket, await failure(answer, `use gs://${bucket}`));
  const { permissions } = permissionsSchema.parse(parseJson(await answer.text()) ?? {});
  const missing = NEEDED.filter((permission) => !permissions.includes(permission));
  if (missing.length > 0) {
    throw new BlobError(
      'denied',
      `The bucket ${bucket} may not be used: these credentials lack ${missing.join(', ')}; grant their account the role Storage Object User (roles/storage.objectUser) on it`,
    );
  }
}

/** There is no bucket, or an emulator knows nothing of permissions: fake-gcs-server does not. */
async function checkListing(connection: Connection, signal: AbortSignal): Promise<void> {
  const { bucket } = connection;
  const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o`;
  const answer = await connection.send({ method: 'GET', path, query: { maxResults: '1' }, signal });
  if (answer.status !== 200) throw unusable(bucket, await failure(answer, `use gs://${bucket}`));
  await answer.text();
}

function unusable(bucket: string, error: BlobError): BlobError {
  switch (error.code) {
    case 'not-found':
      return new BlobError(
        'invalid',
        `There is no bucket ${bucket} in Cloud Storage; create it, or correct its name`,
        { cause: error },
      );
    case 'denied':
      return new BlobError(
        'denied',
        `${error.message}; grant the account of these credentials the role Storage Object User (roles/storage.objectUser) on the bucket`,
        { cause: error },
      );
    default:
      return error;
  }
}
