import { stat } from 'node:fs/promises';

import { createGcsStore, createS3Store, isDigest } from '@nixery/storage';
import { CREDENTIALS } from '@nixery/storage/testing';

// A server's upload of one file, for the upload benchmark: prints how long it takes, as JSON.

const [kind = '', endpoint = '', file = '', digest = ''] = process.argv.slice(2);
if (!isDigest(digest)) throw new Error(`Not a digest: ${digest}`);
const store =
  kind === 'gcs'
    ? await createGcsStore({ bucket: 'images', apiEndpoint: endpoint })
    : await createS3Store({ bucket: 'images', endpoint, credentials: CREDENTIALS });
const { size } = await stat(file);
const cpu = process.cpuUsage();
const startedAt = performance.now();
await store.put(digest, { file, verified: { size } }, 'application/octet-stream');
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6 }));
process.exit(0);
