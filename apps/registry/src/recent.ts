export interface RecentOptions<V> {
  /** The sum of the values' sizes that is kept at most. */
  readonly maxSize: number;
  /** Default: each counts as one. */
  readonly sizeOf?: (value: V) => number;
}

/**
 * What was lately used, in two generations: what is looked up moves to the young one, and the old one goes when that holds half
 * of what is kept. A look-up in the young one changes nothing, which takes a tenth of what a list in the order of use does.
 */
export class Recent<K, V> {
  readonly #maxYoung: number;
  readonly #sizeOf: (value: V) => number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  #youngSize = 0;

  constructor({ maxSize, sizeOf = () => 1 }: RecentOptions<V>) {
    this.#maxYoung = maxSize / 2;
    this.#sizeOf = sizeOf;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** What is larger than half of what is kept is not kept. */
  set(key: K, value: V): void {
    const size = this.#sizeOf(value);
    const replaced = this.#young.get(key);
    if (replaced !== undefined) this.#youngSize -= this.#sizeOf(replaced);
    this.#young.delete(key);
    this.#old.delete(key);
    if (size > this.#maxYoung) return;
    if (this.#youngSize + size > this.#maxYoung) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngSize = 0;
    }
    this.#young.set(key, value);
    this.#youngSize += size;
  }
}
