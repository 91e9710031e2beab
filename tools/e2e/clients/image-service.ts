import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect } from 'node:net';

/** Of a gRPC message's frame: whether it is compressed, then its length. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
const FRAME_HEAD_BYTES = 5;

/** Field 1, of a length that is told: a message or a string. https://protobuf.dev/programming-guides/encoding/ */
const FIELD_ONE = 0x0a;

/**
 * Has a Kubernetes runtime pull an image as the kubelet does, by the Container Runtime Interface: no client of it is in Debian.
 * https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
 *
 * @param socket the runtime's
 * @returns the digest of the image's config, by which the kubelet knows an image
 * @throws Error with what the runtime says of a failure
 */
export async function pullByImageService(socket: string, reference: string): Promise<string> {
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socket) });
  try {
    // PullImageRequest { ImageSpec image = 1 }, ImageSpec { string image = 1 }, PullImageResponse { string image_ref = 1 }
    const image = fieldOne(fieldOne(Buffer.from(reference)));
    const answer = await call(session, '/runtime.v1.ImageService/PullImage', image);
    return readFieldOne(answer);
  } finally {
    session.destroy();
  }
}

async function call(session: ClientHttp2Session, method: string, message: Buffer): Promise<Buffer> {
  const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, HTTP2_HEADER_CONTENT_TYPE } = constants;
  const stream = session.request({
    [HTTP2_HEADER_METHOD]: 'POST',
    [HTTP2_HEADER_PATH]: method,
    [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    te: 'trailers',
  });
  let status: string | undefined;
  let words = '';
  // A failure without an answer has its status in the only headers that come.
  for (const event of ['response', 'trailers'] as const) {
    stream.on(event, (headers: IncomingHttpHeaders) => {
      status = String(headers['grpc-status'] ?? status);
      words = String(headers['grpc-message'] ?? words);
    });
  }
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([head, message]));
  await once(stream, 'close');
  if (status !== '0') throw new Error(`${method}: status ${status}: ${words}`);
  return Buffer.concat(chunks).subarray(FRAME_HEAD_BYTES);
}

function fieldOne(value: Buffer): Buffer {
  if (value.length > 0x7f) throw new Error('longer than one byte can tell');
  return Buffer.concat([Buffer.of(FIELD_ONE, value.length), value]);
}

function readFieldOne(message: Buffer): string {
  const [tag, length = 0] = message;
  if (tag !== FIELD_ONE || length > 0x7f) throw new Error(`not understood: ${message.toString()}`);
  return message.subarray(2, 2 + length).toString();
}
