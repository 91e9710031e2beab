import { randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import { z } from 'zod';
import type { RegistryServer } from './server.ts';

const line = z.looseObject({ level: z.string(), msg: z.string().default('') });

/** A line that the server logged. */
export type LogLine = z.infer<typeof line>;

/** What the server has logged so far, whole lines only. */
export function logLines(server: Pick<RegistryServer, 'logs'>): readonly LogLine[] {
  return server
    .logs()
    .split('\n')
    .filter((text) => text.startsWith('{') && text.endsWith('}'))
    .flatMap((text) => line.safeParse(JSON.parse(text)).data ?? []);
}

/**
 * Waits for all that the server has logged up to now. Its lines come by a pipe, and some time after the answers that they tell of:
 * a request of our own is logged after them.
 */
export async function caughtUp(server: Pick<RegistryServer, 'logs' | 'url'>): Promise<void> {
  const mark = `/${randomUUID()}`;
  await (await fetch(server.url + mark)).arrayBuffer();
  const waiting = { timeout: 20_000, interval: 20 };
  await vi.waitUntil(() => logLines(server).some((line) => line['url'] === mark), waiting);
}

/** How often it has logged this. */
export function countLogged(server: Pick<RegistryServer, 'logs'>, msg: string): number {
  return logLines(server).filter((logged) => logged.msg === msg).length;
}
