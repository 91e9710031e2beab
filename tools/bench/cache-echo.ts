import { isMainThread, parentPort, Worker } from 'node:worker_threads';

/** A thread that answers each message with itself: the hop between threads, and nothing else. */
export class Echo {
  readonly #worker = new Worker(new URL(import.meta.url));
  #heard: () => void = () => undefined;

  constructor() {
    this.#worker.on('message', () => this.#heard());
  }

  ask(message: unknown): Promise<void> {
    return new Promise((resolve) => {
      this.#heard = resolve;
      this.#worker.postMessage(message, []);
    });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

const port = isMainThread ? null : parentPort;
port?.on('message', (message: unknown) => port.postMessage(message));
