import { describeBlobStore } from './testing/contract.ts';
import { CREDENTIALS } from './testing/s3-server/signature.ts';
import { startS3Server } from './testing/s3-server/server.ts';
import { createS3Store } from './s3/store.ts';

const BUCKET = 'images';

describeBlobStore('a bucket of S3', async () => {
  const server = await startS3Server({ bucket: BUCKET });
  const { endpoint } = server;
  return {
    store: await createS3Store({ bucket: BUCKET, endpoint, credentials: CREDENTIALS }),
    redirects: true,
    close: server.close,
  };
});

describeBlobStore('a bucket of a server without conditional writes', async () => {
  const server = await startS3Server({ bucket: BUCKET, conditionalWrites: false });
  const { endpoint } = server;
  return {
    store: await createS3Store({ bucket: BUCKET, endpoint, credentials: CREDENTIALS }),
    redirects: true,
    close: server.close,
  };
});
