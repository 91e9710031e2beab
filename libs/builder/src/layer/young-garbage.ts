import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';

/** Of packing threads. What packing makes lives for one file or one block: room for more of it only keeps it longer. */
export const PACK_LIMITS = { maxYoungGenerationSizeMb: 2 };

/** Bytes of buffers after which it is worth the millisecond that collecting takes. */
const WORTH_COLLECTING = 8 * 1024 * 1024;

type Collector = (options: { readonly type: 'minor' }) => void;

const collectorSchema = z.custom<Collector>((value) => typeof value === 'function');

/** Of this thread, once it has had something to collect. */
let collector: Collector | undefined;

/** The flag gives contexts that are made from then on a function to collect with: https://nodejs.org/api/v8.html#v8setflagsfromstringflags */
function createCollector(): Collector {
  setFlagsFromString('--expose-gc');
  return collectorSchema.parse(runInNewContext('gc'));
}

/**
 * Has a thread let go of buffers soon after their use. Their memory is not V8's own, which waits until some 60 MB of it have
 * come together: in a thread that compresses, that is most of what it holds.
 */
export class YoungGarbage {
  #bytes = 0;

  /** @param bytes of a buffer that is not needed any more */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < WORTH_COLLECTING) return;
    this.#bytes = 0;
    collector ??= createCollector();
    collector({ type: 'minor' });
  }
}
