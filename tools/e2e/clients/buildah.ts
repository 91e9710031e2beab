import path from 'node:path';
import {
  type Client,
  type CommandResult,
  formatReference,
  type ImageReference,
  type PullOptions,
  type PullResult,
  type PushResult,
  type RegistryLogin,
  type RunOptions,
} from './client.ts';
import type { CapturedResult } from './command.ts';
import { NamespacedClient } from './namespaced-client.ts';
import { pullResult, tlsFlags, volumeFlags, withMirrors } from './flags.ts';

export class Buildah extends NamespacedClient implements Client {
  readonly name = 'buildah';
  protected readonly commands = ['buildah', 'runc'];
  #authFlags: readonly string[] = [];

  async logIn({ host, password, user }: RegistryLogin): Promise<CommandResult> {
    const authFile = path.join(this.namespace.dir, 'auth.json');
    const login = ['login', '--tls-verify=false', `--authfile=${authFile}`];
    const result = await this.namespace.run(
      [...this.#buildah(), ...login, `--username=${user}`, '--password-stdin', host],
      { stdin: password },
    );
    this.#authFlags = [`--authfile=${authFile}`];
    return result;
  }

  async pull(image: ImageReference, options: PullOptions = {}): Promise<PullResult> {
    const reference = formatReference(image);
    const pulled = await this.namespace.run([
      ...withMirrors(options),
      ...this.#buildah(),
      'pull',
      ...(options.architecture === undefined ? [] : [`--arch=${options.architecture}`]),
      ...tlsFlags(options),
      ...this.#authFlags,
      reference,
    ]);
    return pullResult(pulled, () => {
      const format = ['--type=image', '--format', '{{.FromImageDigest}}'];
      return this.namespace.mustRun([...this.#buildah(), 'inspect', ...format, reference]);
    });
  }

  async push(image: ImageReference, target: ImageReference): Promise<PushResult> {
    const references = [formatReference(image), `docker://${formatReference(target)}`];
    const push = ['push', '--tls-verify=false', ...references];
    const { code, output } = await this.namespace.run([...this.#buildah(), ...push]);
    return { code, output };
  }

  async run(
    image: ImageReference,
    argv: readonly string[],
    { user, stdin, mounts = [], network = 'none' }: RunOptions = {},
  ): Promise<CommandResult> {
    const cgroup = `--cgroup-parent=/${this.namespace.cgroup}`;
    const from = [...this.#buildah(), 'from', '--pull-never', cgroup, formatReference(image)];
    const container = (await this.namespace.mustRun(from)).stdout.trim();
    const flags = [
      '--runtime=runc',
      `--network=${network}`,
      ...(user === undefined ? [] : ['--user', user]),
      ...volumeFlags(mounts),
    ];
    // The working container is not removed: stop() removes it, and a test that stops a run half-way leaves nothing to remove.
    return this.namespace.run([...this.#buildah(), 'run', ...flags, '--', container, ...argv], {
      stdin,
    });
  }

  /**
   * Builds an image, pulling what it is built from.
   *
   * @param context a folder with a `Dockerfile`
   */
  async build(image: ImageReference, context: string): Promise<CapturedResult> {
    const flags = [
      '--tls-verify=false',
      '--runtime=runc',
      '--network=none',
      `--cgroup-parent=/${this.namespace.cgroup}`,
    ];
    const tag = ['--tag', formatReference(image)];
    return await this.namespace.run([...this.#buildah(), 'bud', ...flags, ...tag, context]);
  }

  #buildah(): string[] {
    const { dir } = this.namespace;
    return [
      'buildah',
      `--root=${path.join(dir, 'root')}`,
      `--runroot=${path.join(dir, 'runroot')}`,
      '--storage-driver=overlay',
    ];
  }
}
