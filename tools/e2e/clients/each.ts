import { allClients } from './all.ts';
import type { Client } from './client.ts';

/** A client for `describe.for`. */
export interface ClientCase {
  readonly name: string;
  readonly client: Client;
  /** Why its tests have to be skipped here, or null. */
  readonly obstacle: string | null;
}

/** Every client, with what keeps it from being used on this host. */
export async function clientCases(): Promise<ClientCase[]> {
  return await Promise.all(
    allClients().map(async (client) => ({
      client,
      name: client.name,
      obstacle: await client.available(),
    })),
  );
}
