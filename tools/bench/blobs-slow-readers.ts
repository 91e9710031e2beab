import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchServer } from './http-servers.ts';

const SECONDS = 15;
const SLICE = 64 * 1024;

/**
 * Has many read at once, and hardly.
 *
 * @returns the server's memory (resident, bytes): before, and the highest while they read
 */
export async function holdSlowReaders(
  { host, pid }: BenchServer,
  path: string,
  count: number,
): Promise<{ readonly before: number; readonly while: number }> {
  // What the server needs for connections at all is not what reading costs.
  const sockets = await Promise.all(Array.from({ length: count }, () => open(host)));
  try {
    await delay(1_000);
    const before = await residentBytes(pid);
    for (const socket of sockets) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    }
    let highest = 0;
    for (let second = 0; second < SECONDS; second++) {
      for (const socket of sockets) socket.read(SLICE);
      await delay(1_000);
      highest = Math.max(highest, await residentBytes(pid));
    }
    return { before, while: highest };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function open(host: string): Promise<Socket> {
  const { hostname, port } = new URL(`http://${host}`);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  // Without this nothing is read at all; with it, what `read` takes and no more.
  socket.on('readable', () => undefined);
  socket.on('error', () => undefined);
  return socket;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}
