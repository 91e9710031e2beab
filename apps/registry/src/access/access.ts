import type { IncomingMessage } from 'node:http';

import { httpErrors } from '../http/errors.ts';
import type { AccessConfig } from './access-config.ts';
import type { AccessFileError, AccessFileKind } from './access-file.ts';
import { parseAuthorization } from './authorization.ts';
import type { Caller } from './caller.ts';
import { clientAddress, limitKey } from './client-address.ts';
import { type Htpasswd, parseHtpasswd } from './htpasswd.ts';
import { PasswordCheck } from './password-check.ts';
import { parsePolicy, Policy } from './policy.ts';
import { RateLimit } from './rate-limit.ts';
import { parseTokens, type Tokens } from './tokens.ts';
import { WatchedFiles } from './watched-files.ts';

const BUSY_MS = 1_000;

export interface AccessOptions {
  /** Told of a file that has changed to what cannot be used. */
  readonly onFileError: (error: AccessFileError) => void;
  /** Told of a failure of the thread that checks passwords. */
  readonly onError: (error: Error) => void;
  /** How often files are looked at, if not as usual (ms). */
  readonly intervalMs?: number | undefined;
}

/** What the files say at this moment; a kind that is not configured is undefined. */
interface Files {
  readonly htpasswd: WatchedFiles<Htpasswd> | undefined;
  readonly tokens: WatchedFiles<Tokens> | undefined;
  readonly policy: WatchedFiles<Policy> | undefined;
}

/** Says who makes a request, and turns away who may not, or may not now. */
export class Access {
  readonly #config: AccessConfig;
  readonly #files: Files;
  readonly #openPolicy: Policy;
  readonly #passwords: PasswordCheck | undefined;
  readonly #rate: RateLimit | undefined;
  /** Everybody, where nobody is told apart and no file says anything that could change. */
  readonly #anybody: Caller | undefined;

  private constructor(config: AccessConfig, files: Files, { onError }: AccessOptions) {
    const { buildsPerClient, requestsPerMinute } = config;
    this.#config = config;
    this.#files = files;
    this.#openPolicy = new Policy(config.sets);
    this.#passwords = files.htpasswd && new PasswordCheck({ onError });
    this.#rate = requestsPerMinute === null ? undefined : new RateLimit(requestsPerMinute);
    const isOpen = Object.values(files).every((file) => file === undefined);
    if (isOpen && buildsPerClient === null && requestsPerMinute === null) {
      const rules = this.#openPolicy.rulesFor(null);
      this.#anybody = { user: null, client: undefined, rules };
    }
  }

  /** @throws AccessFileError of a file that cannot be used */
  static async open(config: AccessConfig, options: AccessOptions): Promise<Access> {
    const opened: { stop(): void }[] = [];
    async function open<T>(
      kind: AccessFileKind,
      file: string | undefined,
      parse: (text: string) => T,
    ): Promise<WatchedFiles<T> | undefined> {
      if (file === undefined) return undefined;
      const watched = await WatchedFiles.open({
        kind,
        files: [file],
        parse: ([text = '']) => parse(text),
        onError: options.onFileError,
        intervalMs: options.intervalMs,
      });
      opened.push(watched);
      return watched;
    }
    try {
      const files = {
        htpasswd: await open('htpasswd', config.htpasswd, parseHtpasswd),
        tokens: await open('tokens', config.tokens, parseTokens),
        policy: await open('policy', config.policy, (text) => parsePolicy(text, config.sets)),
      };
      return new Access(config, files, options);
    } catch (error) {
      for (const watched of opened) watched.stop();
      throw error;
    }
  }

  /** Where a request comes from: what logs say, and limits count. */
  addressOf(request: IncomingMessage): string | undefined {
    const { proxies } = this.#config;
    return proxies === undefined ? request.socket.remoteAddress : clientAddress(request, proxies);
  }

  /**
   * Who makes this request. At once where no password has to be checked.
   *
   * @throws HttpError 401 for who does not say, or not rightly; 429 for too many requests
   */
  admit(request: IncomingMessage): Caller | Promise<Caller> {
    if (this.#anybody !== undefined) return this.#anybody;
    const address = limitKey(clientAddress(request, this.#config.proxies));
    this.#count(address);
    const { htpasswd, tokens } = this.#files;
    if (htpasswd === undefined && tokens === undefined) return this.#caller(null, address);
    return this.#authenticate(request, address);
  }

  /**
   * Whoever asks for what is open to everybody, who need not say who they are.
   *
   * @param options `isCounted`: whether limits of requests hold
   * @throws HttpError 429 for too many requests
   */
  stranger(request: IncomingMessage, { isCounted }: { readonly isCounted: boolean }): Caller {
    if (this.#anybody !== undefined) return this.#anybody;
    const address = limitKey(clientAddress(request, this.#config.proxies));
    if (isCounted) this.#count(address);
    return this.#caller(null, address);
  }

  async stop(): Promise<void> {
    for (const file of Object.values(this.#files)) file?.stop();
    await this.#passwords?.close();
  }

  #count(address: string): void {
    const waitMs = this.#rate?.take(address) ?? 0;
    if (waitMs > 0) throw httpErrors.tooManyRequests(waitMs);
  }

  async #authenticate(request: IncomingMessage, address: string): Promise<Caller> {
    const { htpasswd, tokens } = this.#files;
    const credentials = parseAuthorization(request.headers.authorization);
    if (credentials === undefined)
      throw httpErrors.unauthorized('this registry wants to know who asks: log in first');
    if (credentials.scheme === 'bearer') {
      const user = tokens?.value.userOf(credentials.token);
      if (user === undefined) throw httpErrors.unauthorized('this token is not known here');
      return this.#caller(user, address);
    }
    const { password, user } = credentials;
    // Most clients can only send a token as a password.
    if (tokens?.value.userOf(password) === user) return this.#caller(user, address);
    const outcome =
      htpasswd && this.#passwords
        ? await this.#passwords.check(htpasswd.value, credentials, address)
        : 'wrong';
    if (outcome === 'busy') throw httpErrors.tooManyRequests(BUSY_MS);
    if (outcome === 'wrong') throw httpErrors.unauthorized('wrong user or password');
    return this.#caller(user, address);
  }

  #caller(user: string | null, address: string): Caller {
    const policy = this.#files.policy?.value ?? this.#openPolicy;
    const client = user === null ? `address ${address}` : `user ${user}`;
    return { user, client, rules: policy.rulesFor(user) };
  }
}
