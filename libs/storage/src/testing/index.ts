// Peers for the tests of whoever uses the stores.
export { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
export { randomFaults, type Fault, type FaultKind, type FaultPlan } from './faults.ts';
export { startGcsServer, type GcsServer, type GcsServerOptions } from './gcs-server/server.ts';
export { CREDENTIALS } from './s3-server/signature.ts';
export { startS3Server, type S3Server, type S3ServerOptions } from './s3-server/server.ts';
export { BUCKET_KINDS, startBucketPeer, type BucketKind, type BucketPeer } from './peer.ts';
export { createRandom } from './random.ts';
