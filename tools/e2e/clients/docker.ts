import { writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type Client,
  type CommandResult,
  formatReference,
  type ImageReference,
  type PullOptions,
  type PullResult,
  type RegistryLogin,
  type PushResult,
  type RunOptions,
} from './client.ts';
import type { CapturedResult } from './command.ts';
import { NamespacedClient } from './namespaced-client.ts';
import { pullResult, volumeFlags } from './flags.ts';

export interface DaemonOptions {
  /** What its daemon.json holds. https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file */
  readonly configuration?: string;
  /** What it reaches other hosts than this one through over TLS, an HTTP proxy. */
  readonly proxy?: string;
}

/** The docker client with a dockerd of its own: no network of its own making, no firewall rules. */
export class Docker extends NamespacedClient implements Client {
  readonly name = 'docker';
  protected readonly commands = ['docker', 'dockerd', 'containerd', 'runc'];
  readonly #options: DaemonOptions;

  constructor(options: DaemonOptions = {}) {
    super();
    this.#options = options;
  }

  override async start(dir: string): Promise<void> {
    await super.start(dir);
    // Named, or the host's own /etc/docker/daemon.json would count.
    const config = path.join(dir, 'daemon.json');
    const { configuration = '{}', proxy } = this.#options;
    writeFileSync(config, configuration);
    const daemon = [
      ...(proxy === undefined ? [] : ['env', `HTTPS_PROXY=${proxy}`]),
      'dockerd',
      `--data-root=${path.join(dir, 'data')}`,
      `--exec-root=${path.join(dir, 'exec')}`,
      `--pidfile=${path.join(dir, 'docker.pid')}`,
      `--host=unix://${path.join(dir, 'docker.sock')}`,
      `--config-file=${config}`,
      `--cgroup-parent=/${this.namespace.cgroup}`,
      '--exec-opt=native.cgroupdriver=cgroupfs',
      '--storage-driver=overlay2',
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
    ];
    await this.namespace.startDaemon(daemon, [...this.#docker(), 'version']);
  }

  logIn({ host, password, user }: RegistryLogin): Promise<CommandResult> {
    const login = ['login', `--username=${user}`, '--password-stdin', host];
    return this.namespace.run([...this.#docker(), ...login], { stdin: password });
  }

  async pull(image: ImageReference, { architecture }: PullOptions = {}): Promise<PullResult> {
    const reference = formatReference(image);
    const platform = architecture === undefined ? [] : [`--platform=linux/${architecture}`];
    const pulled = await this.namespace.run([...this.#docker(), 'pull', ...platform, reference]);
    return pullResult(pulled, () => {
      const format = ['--format', '{{.RepoDigests}}'];
      return this.namespace.mustRun([...this.#docker(), 'image', 'inspect', ...format, reference]);
    });
  }

  async push(image: ImageReference, target: ImageReference): Promise<PushResult> {
    const reference = formatReference(target);
    await this.namespace.mustRun([...this.#docker(), 'tag', formatReference(image), reference]);
    const { code, output } = await this.namespace.run([...this.#docker(), 'push', reference]);
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
      ...(stdin === undefined ? [] : ['--interactive']),
      ...(user === undefined ? [] : ['--user', user]),
      ...volumeFlags(mounts),
    ];
    return this.namespace.run(
      [...this.#docker(), 'run', ...flags, formatReference(image), ...argv],
      { stdin },
    );
  }

  /**
   * Builds an image with the daemon's own builder, pulling what it is built from. BuildKit, which is a plugin of its own, would pull
   * without the daemon.
   *
   * @param context a folder with a `Dockerfile`
   */
  async build(image: ImageReference, context: string): Promise<CapturedResult> {
    const flags = ['--network=none', '--tag', formatReference(image)];
    return await this.namespace.run([
      ...['env', 'DOCKER_BUILDKIT=0'],
      ...[...this.#docker(), 'build', ...flags, context],
    ]);
  }

  #docker(): string[] {
    const { dir } = this.namespace;
    return [
      'docker',
      `--config=${path.join(dir, 'docker-config')}`,
      `--host=unix://${path.join(dir, 'docker.sock')}`,
    ];
  }
}
