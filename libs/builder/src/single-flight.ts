/** Work under way, by key: whoever asks for the same meanwhile waits for the same. */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>();

  get size(): number {
    return this.#running.size;
  }

  get(key: string): Promise<T> | undefined {
    return this.#running.get(key);
  }

  /** What runs under this key; if nothing does, `action` is started. */
  async join(key: string, action: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return await running;
    const started = action().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return await started;
  }

  /** Waits for all that runs now, however it ends. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }
}
