import { stat } from 'node:fs/promises';
import { isDigest } from '../digest.ts';
import { createGcsStore } from '../gcs/store.ts';
import { createS3Store } from '../s3/store.ts';
import { CREDENTIALS } from './s3-server/signature.ts';

// A process of its own, so that its memory can be measured: puts a file into a bucket and reads it again. Prints, as
// JSON, by how many bytes its memory has grown at most, and how many seconds either way took.

const [kind = '', endpoint = '', bucket = '', file = '', digest = ''] = process.argv.slice(2);
if (!isDigest(digest)) throw new Error(`Not a digest: ${digest}`);

const store =
  kind === 'gcs'
    ? await createGcsStore({ bucket, apiEndpoint: endpoint })
    : await createS3Store({ bucket, endpoint, credentials: CREDENTIALS });
const { size } = await stat(file);
const before = process.resourceUsage().maxRSS;
const started = performance.now();
await store.put(digest, { file, verified: { size } }, 'application/octet-stream');
const uploaded = performance.now();
const { body } = await store.open(digest);
let received = 0;
for await (const chunk of body) received += Buffer.isBuffer(chunk) ? chunk.length : 0;
const downloaded = performance.now();
console.log(
  JSON.stringify({
    received,
    grownBytes: (process.resourceUsage().maxRSS - before) * 1024,
    uploadSeconds: (uploaded - started) / 1000,
    downloadSeconds: (downloaded - uploaded) / 1000,
  }),
);
process.exit(0);
