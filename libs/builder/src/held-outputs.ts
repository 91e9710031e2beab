import { rm } from 'node:fs/promises';

import { areThere } from './is-there.ts';
import type { StorePathInfo } from './layer/types.ts';

/** How long outputs that nobody asks for stay held (ms). After that, a garbage collection of the host's may take them. */
const HELD_MS = 60 * 60 * 1000;
const SWEEP_MS = 5 * 60 * 1000;

/** Builds whose outputs are held; their reference graphs take some 30 MB. */
const MAX_HELD = 256;

/** Outputs that no garbage collection takes until they are released. */
export interface Hold {
  /** Every store path that the outputs need, themselves included. */
  readonly graph: readonly StorePathInfo[];
  release(): Promise<void>;
}

/** The garbage-collector roots of one realisation. */
interface Roots {
  readonly dir: string;
  readonly outputs: readonly string[];
  readonly infos: ReadonlyMap<string, StorePathInfo>;
  users: number;
  /** ms, of a clock that never goes back. */
  usedAt: number;
}

export interface HeldOutputsOptions {
  /** A clock that never goes back (ms). */
  readonly now?: () => number;
}

/**
 * Outputs that are in the Nix store and have been asked for lately. The garbage-collector roots of the builds that made or
 * found them are kept a while longer, and as long as they are, neither the outputs nor what they refer to can
 * change: another image of them need not ask Nix.
 */
export class HeldOutputs {
  readonly #now: () => number;
  readonly #sweeper = setInterval(() => void this.#sweep(), SWEEP_MS).unref();
  readonly #byOutput = new Map<string, Roots>();
  /** Least recently used first. */
  readonly #kept = new Set<Roots>();

  constructor({ now = () => performance.now() }: HeldOutputsOptions = {}) {
    this.#now = now;
  }

  /** Holds outputs; undefined where not all of them are held already. */
  async acquire(outputs: readonly string[]): Promise<Hold | undefined> {
    await this.#sweep();
    const held = new Set<Roots>();
    for (const output of outputs) {
      const roots = this.#byOutput.get(output);
      if (roots === undefined) return undefined;
      held.add(roots);
    }
    for (const roots of held) this.#use(roots);
    const hold = this.#hold([...held], outputs);
    // Somebody may have removed the folder with the roots, and then what they held.
    const places = [...[...held].map(({ dir }) => dir), ...outputs];
    if (await areThere(places)) return hold;
    this.forget(outputs);
    await hold.release();
    return undefined;
  }

  /**
   * Holds outputs that have just been realised.
   *
   * @param dir the folder with their garbage-collector roots, which is removed when they are held no longer
   * @param graph every store path that they need
   */
  async keep(
    dir: string,
    outputs: readonly string[],
    graph: readonly StorePathInfo[],
  ): Promise<Hold> {
    const infos = new Map(graph.map((info) => [info.path, info]));
    const roots: Roots = { dir, outputs, infos, users: 0, usedAt: 0 };
    this.#use(roots);
    for (const output of outputs) this.#byOutput.set(output, roots);
    await this.#sweep();
    return this.#hold([roots], outputs);
  }

  /** Has Nix asked again for these; who holds them goes on to. */
  forget(outputs: readonly string[]): void {
    for (const output of outputs) this.#byOutput.delete(output);
  }

  /** Gives up all that is not being used. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.all([...this.#kept].map((roots) => this.#drop(roots)));
  }

  #use(roots: Roots): void {
    roots.users += 1;
    roots.usedAt = this.#now();
    this.#kept.delete(roots);
    this.#kept.add(roots);
  }

  #hold(held: readonly Roots[], outputs: readonly string[]): Hold {
    let isReleased = false;
    return {
      graph: closureOf(held, outputs),
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        for (const roots of held) roots.users -= 1;
        // Those that were dropped meanwhile have waited for this.
        const dropped = held.filter((roots) => !this.#kept.has(roots));
        await Promise.all(dropped.map(removeUnused));
      },
    };
  }

  async #sweep(): Promise<void> {
    const oldest = this.#now() - HELD_MS;
    const dropped: Promise<void>[] = [];
    for (const roots of this.#kept) {
      if (this.#kept.size <= MAX_HELD && roots.usedAt > oldest) break;
      dropped.push(this.#drop(roots));
    }
    await Promise.all(dropped);
  }

  async #drop(roots: Roots): Promise<void> {
    this.#kept.delete(roots);
    for (const output of roots.outputs) {
      if (this.#byOutput.get(output) === roots) this.#byOutput.delete(output);
    }
    await removeUnused(roots);
  }
}

async function removeUnused({ dir, users }: Roots): Promise<void> {
  if (users === 0) await rm(dir, { recursive: true, force: true });
}

function closureOf(held: readonly Roots[], outputs: readonly string[]): readonly StorePathInfo[] {
  const found = new Map<string, StorePathInfo>();
  const pending = [...outputs];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (found.has(path)) continue;
    for (const { infos } of held) {
      const info = infos.get(path);
      if (info === undefined) continue;
      found.set(path, info);
      pending.push(...info.references);
      break;
    }
  }
  return [...found.values()];
}
