import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
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
import { withUmask } from './namespace.ts';
import { NamespacedClient } from './namespaced-client.ts';
import { tlsFlags } from './flags.ts';

/** What the driver changes of a bundle's config. https://github.com/opencontainers/runtime-spec/blob/main/config.md */
const RuntimeConfig = z.looseObject({
  process: z.looseObject({ user: z.unknown() }),
  mounts: z.array(z.unknown()),
  linux: z.looseObject({ namespaces: z.array(z.looseObject({ type: z.string() })) }),
});

/** skopeo pulls, umoci unpacks, runc runs. */
export class Skopeo extends NamespacedClient implements Client {
  readonly name = 'skopeo';
  protected readonly commands = ['skopeo', 'umoci', 'runc'];
  #containers = 0;
  /** Bundles by the layouts that they are unpacked from. */
  readonly #unpacked = new Map<string, string>();
  #credentials: readonly string[] = [];

  logIn({ password, user }: RegistryLogin): Promise<CommandResult> {
    this.#credentials = [`--src-creds=${user}:${password}`];
    return Promise.resolve({ code: 0, stdout: '', stderr: '' });
  }

  async pull(image: ImageReference, options: PullOptions = {}): Promise<PullResult> {
    const layout = this.#layout(image);
    const digestFile = `${layout}.digest`;
    this.#unpacked.delete(layout);
    const { code, output } = await this.namespace.run([
      'skopeo',
      '--insecure-policy',
      ...(options.mirrors === undefined ? [] : [`--registries-conf=${options.mirrors}`]),
      ...(options.architecture === undefined ? [] : [`--override-arch=${options.architecture}`]),
      'copy',
      ...tlsFlags(options, 'src-'),
      ...this.#credentials,
      `--digestfile=${digestFile}`,
      `docker://${formatReference(image)}`,
      `oci:${layout}`,
    ]);
    if (code !== 0) return { code, output };
    return { code, output, digest: readFileSync(digestFile, 'utf8').trim() };
  }

  async push(image: ImageReference, target: ImageReference): Promise<PushResult> {
    const { code, output } = await this.namespace.run([
      'skopeo',
      '--insecure-policy',
      'copy',
      '--dest-tls-verify=false',
      `oci:${this.#layout(image)}`,
      `docker://${formatReference(target)}`,
    ]);
    return { code, output };
  }

  /**
   * Unpacks an image that was pulled.
   *
   * @param name of a new folder for it
   * @param umask of who unpacks it
   * @returns the folder, an OCI bundle: the files are in `rootfs`
   */
  async unpack(image: ImageReference, name: string, umask = '022'): Promise<string> {
    const bundle = path.join(this.namespace.dir, name);
    const unpack = ['umoci', 'unpack', '--image', this.#layout(image), bundle];
    await this.namespace.mustRun(withUmask(umask, unpack));
    return bundle;
  }

  async run(
    image: ImageReference,
    argv: readonly string[],
    { user, stdin, mounts = [], network = 'none' }: RunOptions = {},
  ): Promise<CommandResult> {
    this.#containers += 1;
    const id = `container-${this.#containers}`;
    const { dir, cgroup } = this.namespace;
    const unpacked = await this.#unpackOnce(image);
    const bundle = await this.#copyOnWrite(unpacked, path.join(dir, id));
    const config = RuntimeConfig.parse(
      JSON.parse(readFileSync(path.join(unpacked, 'config.json'), 'utf8')),
    );
    const { namespaces } = config.linux;
    const changed = {
      ...config,
      process: {
        ...config.process,
        args: argv,
        terminal: false,
        user: user === undefined ? config.process.user : numericUser(user),
      },
      mounts: [
        ...config.mounts,
        ...mounts.map(({ source, target, readOnly = false }) => ({
          type: 'bind',
          source,
          destination: target,
          options: ['rbind', readOnly ? 'ro' : 'rw'],
        })),
      ],
      linux: {
        ...config.linux,
        cgroupsPath: `/${cgroup}/${id}`,
        namespaces: namespaces.filter(({ type }) => network === 'none' || type !== 'network'),
      },
    };
    writeFileSync(path.join(bundle, 'config.json'), JSON.stringify(changed));
    const runc = ['runc', `--root=${path.join(dir, 'runc')}`, 'run', `--bundle=${bundle}`, id];
    return this.namespace.run(runc, { stdin });
  }

  /** The image's bundle, unpacked once for all that run in it: in copies on write. */
  async #unpackOnce(image: ImageReference): Promise<string> {
    const layout = this.#layout(image);
    const known = this.#unpacked.get(layout);
    if (known !== undefined) return known;
    const bundle = await this.unpack(image, `unpacked-for-${this.#containers}`);
    this.#unpacked.set(layout, bundle);
    return bundle;
  }

  /** A bundle without a configuration, whose files are those of another. https://docs.kernel.org/filesystems/overlayfs.html */
  async #copyOnWrite(unpacked: string, bundle: string): Promise<string> {
    const lower = path.join(unpacked, 'rootfs');
    const rootfs = path.join(bundle, 'rootfs');
    const upper = path.join(bundle, 'upper');
    const work = path.join(bundle, 'work');
    for (const folder of [rootfs, upper, work]) mkdirSync(folder, { recursive: true });
    // The root of what is mounted is the upper folder.
    chmodSync(upper, statSync(lower).mode);
    const folders = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    await this.namespace.mustRun(['mount', '-t', 'overlay', '-o', folders, 'overlay', rootfs]);
    return bundle;
  }

  /** A folder an image, since umoci's tags hold fewer characters than a reference; `image` is the tag in it. */
  #layout(image: ImageReference): string {
    const folder = path.join(this.namespace.dir, 'layouts');
    mkdirSync(folder, { recursive: true });
    return `${path.join(folder, createHash('sha256').update(formatReference(image)).digest('hex'))}:image`;
  }
}

/** runc knows no names: they are the image builder's matter, and umoci has resolved the image's own. */
function numericUser(user: string): { uid: number; gid: number } {
  const match = /^(\d+)(?::(\d+))?$/.exec(user);
  if (match === null) throw new Error(`runc runs as a number, not as ${user}`);
  return { uid: Number(match[1]), gid: Number(match[2] ?? 0) };
}
