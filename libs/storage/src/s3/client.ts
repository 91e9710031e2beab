import { S3Client } from '@aws-sdk/client-s3';
import type { Tuning } from '../bucket/tuning.ts';
import { hashPayloads } from './payload.ts';

export interface S3ClientOptions {
  /** By default AWS_REGION or the shared configuration's, as the AWS SDK finds it. */
  readonly region?: string;
  /** Of a compatible server. By default AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, else Amazon's. */
  readonly endpoint?: string;
  /** Whether the bucket is named in the path, not in the host name. By default it is where an endpoint is set. */
  readonly forcePathStyle?: boolean;
  /** By default as the AWS SDK finds them: AWS_ACCESS_KEY_ID, shared files, the metadata services. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Two clients of one service: connections that are read from may rest for as long as the reader does. */
export interface S3Clients {
  readonly reader: S3Client;
  readonly writer: S3Client;
}

/** Amazon's servers take any region for requests that they redirect to the right one. */
const ANY_REGION = 'us-east-1';

export function createClients(options: S3ClientOptions, tuning: Tuning): S3Clients {
  const { region, endpoint, credentials } = options;
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  const endpointUrl = endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL;
  // A compatible server mostly has no regions, and nobody to set one for the SDK, which insists on one.
  const fallback =
    endpointUrl === undefined ? AWS_DEFAULT_REGION : (AWS_DEFAULT_REGION ?? ANY_REGION);
  const usedRegion = region ?? AWS_REGION ?? fallback;

  function createClient(socketTimeout: number): S3Client {
    return new S3Client({
      ...(usedRegion !== undefined && { region: usedRegion }),
      ...(endpointUrl !== undefined && { endpoint: endpointUrl }),
      ...(credentials !== undefined && { credentials }),
      forcePathStyle: options.forcePathStyle ?? endpointUrl !== undefined,
      followRegionRedirects: true,
      // The SDK would ask before each larger body whether it may come: on a connection that serves for nothing else, and for
      // six seconds at servers and proxies that do not answer such questions.
      expectContinueHeader: false,
      requestHandler: {
        connectionTimeout: tuning.idleMs,
        socketTimeout,
        // Four parts of each of several uploads.
        httpAgent: { keepAlive: true, maxSockets: 200 },
        httpsAgent: { keepAlive: true, maxSockets: 200 },
      },
    });
  }

  const writer = createClient(tuning.idleMs);
  hashPayloads(writer);
  return { reader: createClient(0), writer };
}
