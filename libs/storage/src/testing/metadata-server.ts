import { sign, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { listen } from './listen.ts';

export interface MetadataServerOptions {
  /** The machine's account. */
  readonly email: string;
  readonly privateKey: KeyObject;
  readonly token: string;
  /** How many requests to sign fail before one does not. Default: none. */
  readonly failures?: number;
  /** Whether the account may have something signed. Default: yes. */
  readonly maySign?: boolean;
}

export interface MetadataServer {
  /** With the port. */
  readonly host: string;
  /** Where it signs. */
  readonly signingEndpoint: string;
  readonly close: () => Promise<void>;
}

const ACCOUNT = '/computeMetadata/v1/instance/service-accounts/default';

const requestSchema = z.object({ payload: z.base64() });

/**
 * What machines of Google's ask: for their account and its token
 * (cloud.google.com/compute/docs/metadata/predefined-metadata-keys), and for signatures
 * (cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob).
 */
export async function startMetadataServer(options: MetadataServerOptions): Promise<MetadataServer> {
  const { email, failures = 0, maySign = true, privateKey, token } = options;
  const metadata: ReadonlyMap<string, string | object> = new Map<string, string | object>([
    ['/computeMetadata/v1/project/project-id', 'project'],
    [`${ACCOUNT}/email`, email],
    [`${ACCOUNT}/token`, { access_token: token, expires_in: 3600, token_type: 'Bearer' }],
  ]);
  let signatures = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, url = '' } = request;
    const body = await text(request);
    if (url === `/sign/${email}:signBlob`) {
      const [status, answer] = signBlob(headers.authorization, body);
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer));
      return;
    }
    const value = metadata.get(new URL(url, 'http://metadata').pathname);
    response.writeHead(value === undefined ? 404 : 200, {
      'Content-Type': typeof value === 'object' ? 'application/json' : 'application/text',
      'Metadata-Flavor': 'Google',
    });
    response.end(typeof value === 'object' ? JSON.stringify(value) : value);
  }

  function signBlob(authorization: string | undefined, body: string): readonly [number, object] {
    signatures += 1;
    if (signatures <= failures) return [503, { error: { code: 503, message: 'overloaded' } }];
    if (!maySign || authorization !== `Bearer ${token}`) {
      return [403, { error: { code: 403, message: 'this account may not sign' } }];
    }
    const { payload } = requestSchema.parse(JSON.parse(body));
    const signature = sign('sha256', Buffer.from(payload, 'base64'), privateKey);
    return [200, { keyId: '1', signedBlob: signature.toString('base64') }];
  }

  const { origin, close } = await listen(
    createServer((request, response) => {
      serve(request, response).catch(() => response.destroy());
    }),
  );
  return { host: new URL(origin).host, signingEndpoint: `${origin}/sign/`, close };
}
