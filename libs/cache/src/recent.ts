/** Entries that one search for room passes over, all of them used: one in a row of many more goes, so that nobody waits for the hand. */
const MOST_SPARED = 32;

/** A place in what was lately used. Whoever holds on to one is spared the look-up, and keeps no value from going. */
export interface Kept<V> {
  /** The value, which counts as used; undefined once it had to go. */
  use(): V | undefined;
}

class Entry<V> implements Kept<V> {
  readonly size: number;
  /** Since the hand last came by. */
  isUsed = false;
  #value: V | undefined;

  constructor(value: V, size: number) {
    this.#value = value;
    this.size = size;
  }

  use(): V | undefined {
    // A look-up of what is used all the time writes nothing.
    if (!this.isUsed) this.isUsed = true;
    return this.#value;
  }

  /** Its last value, which it has no more. */
  take(): V | undefined {
    const value = this.#value;
    this.#value = undefined;
    return value;
  }
}

/**
 * What was lately used, in memory, up to a size. Where there is no more room, a hand goes round the entries: what was not used
 * since it last came by goes. So a look-up writes next to nothing, which takes a tenth of what a list in the order of use does,
 * and nothing moves while there is room.
 *
 * The algorithm is CLOCK: F. J. Corbató, "A Paging Experiment with the Multics System", 1968.
 */
export class Recent<K, V> {
  readonly #maxSize: number;
  readonly #onGone: (value: V) => void;
  readonly #entries = new Map<K, Entry<V>>();
  #hand = this.#entries.entries();
  #size = 0;

  /**
   * @param maxSize the sum of the values' sizes that is kept at most
   * @param onGone told of each value that is kept no more, whatever the reason
   */
  constructor(maxSize: number, onGone: (value: V) => void = () => undefined) {
    this.#maxSize = maxSize;
    this.#onGone = onGone;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)?.use();
  }

  /** Where {@link get} finds it. */
  find(key: K): Kept<V> | undefined {
    return this.#entries.get(key);
  }

  /** @param size one that is larger than all that is kept is not kept */
  set(key: K, value: V, size = 1): void {
    this.delete(key);
    if (size > this.#maxSize) return;
    this.#makeRoom(size);
    this.#entries.set(key, new Entry(value, size));
    this.#size += size;
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(key, entry);
  }

  #makeRoom(size: number): void {
    let spared = 0;
    while (this.#size + size > this.#maxSize) {
      const next = this.#hand.next();
      if (next.done) {
        this.#hand = this.#entries.entries();
        continue;
      }
      const [key, entry] = next.value;
      if (entry.isUsed && spared < MOST_SPARED) {
        entry.isUsed = false;
        spared += 1;
      } else {
        this.#remove(key, entry);
      }
    }
  }

  #remove(key: K, entry: Entry<V>): void {
    this.#entries.delete(key);
    this.#size -= entry.size;
    const value = entry.take();
    if (value !== undefined) this.#onGone(value);
  }
}
