import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type BindMount,
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
import { pullByImageService } from './image-service.ts';
import { NamespacedClient } from './namespaced-client.ts';
import { pullResult } from './flags.ts';

/** Where a container that is only held open finds a static busybox: its name says which program to be. */
const holder = '/run/busybox';

/** As containerd's configuration names it. */
const KUBERNETES_PLUGIN = '"io.containerd.grpc.v1.cri"';

export interface ContainerdOptions {
  /** Serve Kubernetes, too, which heeds this folder's configuration of registries (`hosts.toml`). */
  readonly kubernetesHosts?: string;
}

/** A containerd of its own, and its client `ctr`. */
export class Containerd extends NamespacedClient implements Client {
  readonly name = 'containerd';
  protected readonly commands = ['containerd', 'ctr', 'runc', '/bin/busybox'];
  readonly #options: ContainerdOptions;
  #containers = 0;
  #credentials: readonly string[] = [];

  constructor(options: ContainerdOptions = {}) {
    super();
    this.#options = options;
  }

  override async start(dir: string): Promise<void> {
    await super.start(dir);
    const config = path.join(dir, 'containerd.toml');
    writeFileSync(config, configuration(dir, this.#options));
    await this.namespace.startDaemon(
      ['containerd', '--config', config],
      [...this.#ctr(), 'version'],
    );
  }

  logIn({ password, user }: RegistryLogin): Promise<CommandResult> {
    this.#credentials = [`--user=${user}:${password}`];
    return Promise.resolve({ code: 0, stdout: '', stderr: '' });
  }

  async pull(
    image: ImageReference,
    { architecture, certificates, mirrors }: PullOptions = {},
  ): Promise<PullResult> {
    const reference = formatReference(image);
    const hosts =
      certificates === undefined ? mirrors : this.#hostsFolder(image.host, certificates);
    const pulled = await this.namespace.run([
      ...this.#ctr(),
      'images',
      'pull',
      ...(hosts === undefined ? ['--plain-http'] : [`--hosts-dir=${hosts}`]),
      ...(architecture === undefined ? [] : [`--platform=linux/${architecture}`]),
      ...this.#credentials,
      reference,
    ]);
    return pullResult(pulled, () =>
      this.namespace.mustRun([...this.#ctr(), 'images', 'list', `name==${reference}`]),
    );
  }

  /**
   * Pulls as the kubelet does.
   *
   * @returns the digest of the image's config
   * @throws Error with what containerd says of a failure
   */
  pullForKubernetes(image: ImageReference): Promise<string> {
    return pullByImageService(this.#socket(), formatReference(image));
  }

  async push(image: ImageReference, target: ImageReference): Promise<PushResult> {
    const reference = formatReference(target);
    const images = [...this.#ctr(), 'images'];
    await this.namespace.mustRun([...images, 'tag', formatReference(image), reference]);
    const { code, output } = await this.namespace.run([
      ...images,
      'push',
      '--plain-http',
      reference,
    ]);
    return { code, output };
  }

  async run(
    image: ImageReference,
    argv: readonly string[],
    { user, stdin, mounts = [], network = 'none' }: RunOptions = {},
  ): Promise<CommandResult> {
    this.#containers += 1;
    const id = `container-${this.#containers}`;
    const flags = [
      `--cgroup=/${this.namespace.cgroup}/${id}`,
      ...(network === 'host' ? ['--net-host'] : []),
      ...mounts.flatMap(mountFlags),
    ];
    const reference = formatReference(image);
    if (user === undefined) {
      return this.namespace.run([...this.#ctr(), 'run', '--rm', ...flags, reference, id, ...argv], {
        stdin,
      });
    }
    // `ctr run` of containerd 1.6 knows no --user, `ctr tasks exec` does. The container is held open by a program of the host.
    flags.push(...mountFlags({ source: '/bin/busybox', target: holder, readOnly: true }));
    const hold = ['run', '--detach', ...flags, reference, id, holder, 'sleep', 'infinity'];
    await this.namespace.mustRun([...this.#ctr(), ...hold]);
    const exec = ['tasks', 'exec', '--user', user, '--exec-id', 'program', id];
    const result = await this.namespace.run([...this.#ctr(), ...exec, ...argv], { stdin });
    await this.namespace.run([...this.#ctr(), 'tasks', 'delete', '--force', id]);
    return result;
  }

  /** What is on 127.0.0.1 it asks over plain HTTP unless its address says otherwise. */
  #hostsFolder(host: string, certificates: string): string {
    const folder = path.join(this.namespace.dir, 'hosts');
    const server = JSON.stringify(`https://${host}`);
    const authority = JSON.stringify(path.join(certificates, 'ca.crt'));
    mkdirSync(path.join(folder, host), { recursive: true });
    writeFileSync(
      path.join(folder, host, 'hosts.toml'),
      `server = ${server}\n[host.${server}]\n  ca = ${authority}\n`,
    );
    return folder;
  }

  #ctr(): string[] {
    return ['ctr', '--address', this.#socket()];
  }

  #socket(): string {
    return socketIn(this.namespace.dir);
  }
}

function mountFlags({ source, target, readOnly = false }: BindMount): string[] {
  return [
    '--mount',
    `type=bind,src=${source},dst=${target},options=rbind:${readOnly ? 'ro' : 'rw'}`,
  ];
}

function socketIn(dir: string): string {
  return path.join(dir, 'containerd.sock');
}

/** https://github.com/containerd/containerd/blob/main/docs/man/containerd-config.toml.5.md */
function configuration(dir: string, { kubernetesHosts }: ContainerdOptions): string {
  const lines = [
    'version = 2',
    `root = ${JSON.stringify(path.join(dir, 'root'))}`,
    `state = ${JSON.stringify(path.join(dir, 'state'))}`,
  ];
  // For others than Kubernetes it would set up much that nobody asks for.
  if (kubernetesHosts === undefined) lines.push(`disabled_plugins = [${KUBERNETES_PLUGIN}]`);
  lines.push('[grpc]', `  address = ${JSON.stringify(socketIn(dir))}`);
  if (kubernetesHosts !== undefined) {
    lines.push(
      `[plugins.${KUBERNETES_PLUGIN}.registry]`,
      `  config_path = ${JSON.stringify(kubernetesHosts)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
