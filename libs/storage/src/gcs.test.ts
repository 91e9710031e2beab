import { describeBlobStore } from './testing/contract.ts';
import { startGcsServer } from './testing/gcs-server/server.ts';
import { createGcsStore } from './gcs/store.ts';

describeBlobStore('a bucket of Cloud Storage, public', async () => {
  const server = await startGcsServer({ bucket: 'layers', isPublic: true, pageSize: 7 });
  return {
    store: await createGcsStore({ bucket: 'layers', apiEndpoint: server.endpoint }),
    redirects: true,
    close: server.close,
  };
});
