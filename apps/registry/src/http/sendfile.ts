import type { Socket } from 'node:net';
import { promisify } from 'node:util';

import type { LibraryHandle } from 'koffi';

/**
 * The kernel's own way from a file to a connection, which no byte takes through this process. Node.js has none, so it is called
 * in the C library. https://man7.org/linux/man-pages/man2/sendfile.2.html
 */
export interface Sendfile {
  /**
   * Sends what the connection takes without waiting. The disk it waits for, on a thread of its own.
   *
   * @param position of the first byte in the file
   * @returns how many bytes went; less than `length` where the connection takes no more, or the file has no more; -1 where
   * none could be sent, for whatever reason
   */
  readonly send: (
    connection: number,
    file: number,
    position: number,
    length: number,
  ) => Promise<number>;
  /**
   * A second descriptor of the same, which programs that are started do not get; to be closed.
   *
   * @returns -1 where there can be no more
   */
  readonly duplicate: (descriptor: number) => number;
}

/** `F_DUPFD_CLOEXEC` of Linux, the same for all architectures. */
const DUPLICATE_FOR_ITSELF = 1030;

/** @returns undefined where this system has no such call, or koffi no build for it */
export async function loadSendfile(): Promise<Sendfile | undefined> {
  // Others have calls of this name that mean other things. Where addresses have 32 bits, so do positions.
  if (process.platform !== 'linux' || !['arm64', 'x64'].includes(process.arch)) return undefined;
  let library: LibraryHandle;
  try {
    const { default: koffi } = await import('koffi');
    library = koffi.load(null);
  } catch {
    return undefined;
  }
  const sendfile = library.func('int64_t sendfile(int out, int in, int64_t *offset, size_t count)');
  const send = promisify<number, number, readonly [bigint], number, unknown>(sendfile.async);
  const fcntl = library.func('int fcntl(int fd, int command, ...)');
  return {
    async send(connection, file, position, length) {
      return Number(await send(connection, file, [BigInt(position)], length));
    },
    duplicate: (descriptor) => Number(fcntl(descriptor, DUPLICATE_FOR_ITSELF, 'int', 0)),
  };
}

/** @returns undefined where it is closed, or is none of the system's */
export function descriptorOf(socket: Socket): number | undefined {
  // Not documented, and there since the first versions of Node.js.
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  const { fd } = handle;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}
