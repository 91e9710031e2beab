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

/** How often it has logged this. */
export function countLogged(server: Pick<RegistryServer, 'logs'>, msg: string): number {
  return logLines(server).filter((logged) => logged.msg === msg).length;
}
