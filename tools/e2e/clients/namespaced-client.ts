import { missingCommands } from './command.ts';
import { Namespace } from './namespace.ts';

/** What the drivers have in common: a namespace from start to stop. */
export abstract class NamespacedClient {
  abstract readonly name: string;
  /** Programs the driver starts. */
  protected abstract readonly commands: readonly string[];
  #namespace: Namespace | undefined;

  available(): Promise<string | null> {
    return Promise.resolve(this.#obstacle());
  }

  async start(dir: string): Promise<void> {
    this.#namespace = await Namespace.create(dir);
  }

  async stop(): Promise<void> {
    await this.#namespace?.stop();
    this.#namespace = undefined;
  }

  protected get namespace(): Namespace {
    if (this.#namespace === undefined) throw new Error(`${this.name} is not started`);
    return this.#namespace;
  }

  #obstacle(): string | null {
    if (process.platform !== 'linux') return 'needs Linux';
    if (process.getuid?.() !== 0) return 'needs root';
    const missing = missingCommands(['unshare', 'nsenter', 'bash', ...this.commands]);
    return missing.length === 0 ? null : `not there: ${missing.join(', ')}`;
  }
}
