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
import { NamespacedClient } from './namespaced-client.ts';
import { pullResult, tlsFlags, volumeFlags, withMirrors } from './flags.ts';

export class Podman extends NamespacedClient implements Client {
  readonly name = 'podman';
  protected readonly commands = ['podman', 'runc'];
  #authFlags: readonly string[] = [];

  async logIn({ host, password, user }: RegistryLogin): Promise<CommandResult> {
    const authFile = path.join(this.namespace.dir, 'auth.json');
    const login = ['login', '--tls-verify=false', `--authfile=${authFile}`];
    const result = await this.namespace.run(
      [...this.#podman(), ...login, `--username=${user}`, '--password-stdin', host],
      { stdin: password },
    );
    this.#authFlags = [`--authfile=${authFile}`];
    return result;
  }

  async pull(image: ImageReference, options: PullOptions = {}): Promise<PullResult> {
    const reference = formatReference(image);
    const pulled = await this.namespace.run([
      ...withMirrors(options),
      ...this.#podman(),
      'pull',
      ...(options.architecture === undefined ? [] : [`--arch=${options.architecture}`]),
      ...tlsFlags(options),
      ...this.#authFlags,
      reference,
    ]);
    return pullResult(pulled, async () => {
      const format = ['--format', '{{.Digest}}'];
      return this.namespace.mustRun([...this.#podman(), 'image', 'inspect', ...format, reference]);
    });
  }

  async push(image: ImageReference, target: ImageReference): Promise<PushResult> {
    const references = [formatReference(image), `docker://${formatReference(target)}`];
    const push = ['push', '--tls-verify=false', ...references];
    const { code, output } = await this.namespace.run([...this.#podman(), ...push]);
    return { code, output };
  }

  run(
    image: ImageReference,
    argv: readonly string[],
    { user, stdin, mounts = [], network = 'none' }: RunOptions = {},
  ): Promise<CommandResult> {
    const flags = [
      '--rm',
      '--pull=never',
      `--network=${network}`,
      `--cgroup-parent=/${this.namespace.cgroup}`,
      // Its defaults lie above what a container host may allow: setrlimit then fails.
      '--ulimit=nofile=1024:1024',
      '--ulimit=nproc=1024:1024',
      ...(stdin === undefined ? [] : ['--interactive']),
      ...(user === undefined ? [] : ['--user', user]),
      ...volumeFlags(mounts),
    ];
    return this.namespace.run(
      [...this.#podman(), 'run', ...flags, formatReference(image), ...argv],
      { stdin },
    );
  }

  #podman(): string[] {
    const { dir } = this.namespace;
    return [
      'podman',
      `--root=${path.join(dir, 'root')}`,
      `--runroot=${path.join(dir, 'runroot')}`,
      '--storage-driver=overlay',
      '--cgroup-manager=cgroupfs',
      '--events-backend=file',
      '--runtime=runc',
    ];
  }
}
