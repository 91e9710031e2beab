import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';

/** Bytes of buffers after which it is worth the millisecond that collecting takes. */
const WORTH_COLLECTING = 8 * 1024 * 1024;

const collectorSchema = z.custom<(options: { readonly type: 'minor' }) => void>(
  (value) => typeof value === 'function',
);

/**
 * Has a thread let go of buffers soon after their use. Their memory is not V8's own, which waits until some 60 MB of it have
 * come together: in a thread that compresses, that is most of what it holds. The flag gives contexts that are made from then on a
 * function to collect with, and changes nothing else (https://nodejs.org/api/v8.html#v8setflagsfromstringflags).
 */
export class YoungGarbage {
  readonly #collect: (options: { readonly type: 'minor' }) => void;
  #bytes = 0;

  constructor() {
    setFlagsFromString('--expose-gc');
    this.#collect = collectorSchema.parse(runInNewContext('gc'));
  }

  /** @param bytes of a buffer that is not needed any more */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < WORTH_COLLECTING) return;
    this.#bytes = 0;
    this.#collect({ type: 'minor' });
  }
}
