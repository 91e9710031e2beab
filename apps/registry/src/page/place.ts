import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

import { registryHost } from '../http/host.ts';

/** Where somebody reaches this registry. */
export interface Place {
  /** What they write before an image's name. */
  readonly host: string;
  /** Whether that is surely HTTP, which podman has to be told. */
  readonly isPlain: boolean;
}

const LOOPBACK = /^(?:127\.|localhost(?::|$)|\[::1\])/;

/** Where a request says that it is. A proxy in front may speak TLS; to the machine itself there is none. */
export function placeOf({ headers, socket }: IncomingMessage): Place {
  const host = registryHost(headers.host);
  return { host, isPlain: LOOPBACK.test(host) && !(socket instanceof TLSSocket) };
}
