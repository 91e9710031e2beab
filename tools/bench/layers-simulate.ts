import { type LayerPlan, type StorePathInfo } from '@nixery/builder/layer';
import type { Generation, Workload } from './layers-workload.ts';

/** A way to put store paths into layers. */
export interface Strategy {
  readonly name: string;
  readonly plan: (graph: readonly StorePathInfo[], budget: number) => LayerPlan;
}

/** What pulls cost, together. */
export interface Cost {
  /** Compressed bytes of the layers that clients did not have. */
  readonly bytes: number;
  /** Compressed bytes of the store paths that clients did not have. */
  readonly idealBytes: number;
  /** Layers fetched. */
  readonly requests: number;
  /** ms. */
  readonly modelledTime: number;
  readonly pulls: number;
}

/** 100 Mbit/s, and what a layer beyond the thirtieth takes a client, measured: 30 ms. */
const BYTES_PER_MS = 12_500;
const FREE_LAYERS = 30;
const MS_PER_LAYER = 30;

interface Client {
  readonly layers: Set<string>;
  readonly paths: Set<string>;
}

/**
 * Has clients pull all images of the first generation in turn, then all of `bump`. Clients keep what they pulled.
 *
 * @param clients image n is pulled by client n modulo this; undefined for a client with nothing at every pull
 */
export function simulate(
  { plan }: Strategy,
  workload: Workload,
  {
    clients,
    budget,
    bump,
    packedSize,
  }: {
    readonly clients: number | undefined;
    readonly budget: number;
    readonly bump?: Generation | undefined;
    readonly packedSize: (info: StorePathInfo) => number;
  },
): Cost {
  const kept = Array.from({ length: clients ?? 0 }, newClient);
  const cost = { bytes: 0, idealBytes: 0, requests: 0, modelledTime: 0, pulls: 0 };
  for (const { images } of bump === undefined ? [workload.first] : [workload.first, bump]) {
    for (const [index, graph] of images.entries()) {
      const client = kept[index % kept.length] ?? newClient();
      const fetched = plan(graph, budget).filter(({ paths }) => {
        const layer = paths.map(({ path }) => path).join();
        return !client.layers.has(layer) && client.layers.add(layer);
      });
      const sizeOf = (paths: readonly StorePathInfo[]) =>
        paths.reduce((sum, info) => sum + packedSize(info), 0);
      const bytes = sizeOf(fetched.flatMap(({ paths }) => paths));
      const slow = Math.max(0, fetched.length - FREE_LAYERS);
      cost.bytes += bytes;
      cost.idealBytes += sizeOf(graph.filter(({ path }) => !client.paths.has(path)));
      cost.requests += fetched.length;
      cost.modelledTime += bytes / BYTES_PER_MS + slow * MS_PER_LAYER;
      cost.pulls += 1;
      for (const { path } of graph) client.paths.add(path);
    }
  }
  return cost;
}

function newClient(): Client {
  return { layers: new Set(), paths: new Set() };
}
