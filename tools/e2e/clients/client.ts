/** A container client under test: the real program, with all it writes in a temporary folder. */
export interface Client {
  readonly name: string;
  /** Why the client cannot be used on this host, or null. */
  available(): Promise<string | null>;
  /**
   * Starts the client's daemon, if it has one.
   *
   * @param dir an empty temporary folder, removed by whoever made it, after {@link stop}
   * @throws Error with the daemon's log
   */
  start(dir: string): Promise<void>;
  /** Has it send these on later pulls: by its own login command where it has one. */
  logIn(credentials: RegistryLogin): Promise<CommandResult>;
  /** A pull that fails resolves, too: tests assert on what clients print. */
  pull(image: ImageReference, options?: PullOptions): Promise<PullResult>;
  /** Pushes an image that was pulled under another name, over plain HTTP. One that fails resolves, too. */
  push(image: ImageReference, target: ImageReference): Promise<PushResult>;
  /** Runs a program of an image that was pulled. */
  run(image: ImageReference, argv: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Ends the daemon, its containers and its mounts, however the client has got on. */
  stop(): Promise<void>;
}

export interface RegistryLogin {
  /** Host and port. */
  readonly host: string;
  readonly user: string;
  readonly password: string;
}

export interface ImageReference {
  /** Host and port. */
  readonly host: string;
  readonly name: string;
  /** A tag, or a digest (`sha256:…`). */
  readonly reference: string;
}

export interface PullOptions {
  /**
   * Pull over TLS, and trust what the `ca.crt` in this folder has signed. Plain HTTP by default. docker trusts what it reaches
   * on 127.0.0.0/8 in any case.
   */
  readonly certificates?: string;
  /** Of an image index, this platform's image; the host's by default. */
  readonly architecture?: 'amd64' | 'arm64';
  /** Heed this configuration of mirrors: containerd's hosts folder, the registries.conf of podman, buildah and skopeo. docker's is its daemon's. */
  readonly mirrors?: string;
}

export interface PullResult {
  /** Exit code. */
  readonly code: number;
  /** Of the manifest, as the client recorded it. Absent after a failure. */
  readonly digest?: string;
  /** All that the client printed. */
  readonly output: string;
}

export interface PushResult {
  /** Exit code. */
  readonly code: number;
  /** All that the client printed. */
  readonly output: string;
}

export interface RunOptions {
  /** `uid`, `uid:gid` or a name of the image's passwd; the image's own user by default. */
  readonly user?: string;
  readonly stdin?: string;
  readonly mounts?: readonly BindMount[];
  /** `none` by default; `host` reaches servers on 127.0.0.1. */
  readonly network?: 'none' | 'host';
}

export interface BindMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
}

export interface CommandResult {
  /** Exit code; 128 + number after a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The reference as users type it. */
export function formatReference({ host, name, reference }: ImageReference): string {
  return `${host}/${name}${reference.includes(':') ? '@' : ':'}${reference}`;
}
