import { createHmac, randomBytes } from 'node:crypto';

import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';

import type { ComparePassword } from './bcrypt-worker.ts';
import { costliest, type Htpasswd } from './htpasswd.ts';

/** Outcomes remembered. */
const MAX_REMEMBERED = 10_000;
/** How long a wrong password is known to be wrong (ms): clients ask again with it at once, people after a while. */
const WRONG_MS = 10_000;

/** Checks that run or wait: bcrypt takes its time, and one core of a server has to be enough for it. */
const MAX_PENDING = 32;
/** Of these, what one client may have: guessing from one place then keeps nobody else waiting for long. */
const MAX_PENDING_PER_CLIENT = 2;

export interface PasswordCheckOptions {
  readonly onError: (error: Error) => void;
}

/**
 * Checks passwords against bcrypt hashes, on a thread of its own. What was found is remembered under an HMAC of user, password and
 * hash with a key that lives as long as the process: no password is kept, and a changed hash is another question.
 */
export class PasswordCheck {
  readonly #pool: Piscina<ComparePassword, boolean>;
  readonly #secret = randomBytes(32);
  readonly #right = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  readonly #wrong = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: WRONG_MS });
  readonly #pending = new Map<string, Promise<boolean>>();
  readonly #pendingOf = new Map<string, number>();

  constructor({ onError }: PasswordCheckOptions) {
    this.#pool = new Piscina({
      filename: import.meta.resolve('#bcrypt'),
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
    });
    this.#pool.on('error', onError);
  }

  /**
   * Whether this is the user's password. For a user that does not exist the work is the same as for one that does.
   *
   * @param client whoever asks, for sharing the thread among them
   * @returns `busy` when too many are waiting already
   */
  async check(
    users: Htpasswd,
    { user, password }: { readonly user: string; readonly password: string },
    client: string,
  ): Promise<'right' | 'wrong' | 'busy'> {
    const own = users.get(user);
    const hash = own ?? costliest(users);
    if (hash === undefined) return 'wrong';
    const key = createHmac('sha256', this.#secret)
      .update(JSON.stringify([user, password, hash, own === undefined]))
      .digest('base64');
    if (this.#right.has(key)) return 'right';
    if (this.#wrong.has(key)) return 'wrong';

    const running = this.#pending.get(key);
    if (running !== undefined) return (await running) ? 'right' : 'wrong';
    const others = this.#pendingOf.get(client) ?? 0;
    if (this.#pending.size >= MAX_PENDING || others >= MAX_PENDING_PER_CLIENT) return 'busy';
    const checking = this.#compare({ password, hash }, client).then(
      (same) => same && own !== undefined,
    );
    this.#pending.set(key, checking);
    try {
      const isRight = await checking;
      (isRight ? this.#right : this.#wrong).set(key, true);
      return isRight ? 'right' : 'wrong';
    } finally {
      this.#pending.delete(key);
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #compare(task: ComparePassword, client: string): Promise<boolean> {
    this.#pendingOf.set(client, (this.#pendingOf.get(client) ?? 0) + 1);
    try {
      return await this.#pool.run(task);
    } finally {
      const left = (this.#pendingOf.get(client) ?? 1) - 1;
      if (left === 0) this.#pendingOf.delete(client);
      else this.#pendingOf.set(client, left);
    }
  }
}
