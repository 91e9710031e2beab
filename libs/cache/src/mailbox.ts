import { CacheError } from './errors.ts';
import type { Answer, Ask, CacheReply, CacheRequest, ReplyTo, ToActor } from './messages.ts';

export interface MailboxOptions {
  readonly send: (asks: ToActor) => void;
  /** Asks that may be unanswered at once, those that timed out included. */
  readonly capacity: number;
  /** ms until an ask that has no answer is rejected. */
  readonly timeoutMs: number;
  /** Told of each answer that was waited for: how long (ms). */
  readonly onAnswer: (waitedMs: number) => void;
}

interface Waiting {
  readonly type: CacheRequest['type'];
  readonly askedAt: number;
  readonly resolve: (reply: CacheReply) => void;
  readonly reject: (error: CacheError) => void;
}

/**
 * The client's side of the protocol: pairs answers with asks. The asks of one tick leave in one message, in order,
 * since each message costs a wake-up of the other thread.
 */
export class Mailbox {
  readonly #options: MailboxOptions;
  /** In the order of asking, which is that of their deadlines. */
  readonly #waiting = new Map<number, Waiting>();
  #outbox: Ask[] = [];
  #flushing = false;
  #timer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #unanswered = 0;
  #lastAnswerAt = 0;

  constructor(options: MailboxOptions) {
    this.#options = options;
  }

  /** Asks the actor has not answered. */
  get depth(): number {
    return this.#unanswered;
  }

  /** ms for which the actor has owed an answer without giving any; 0 when it owes none. */
  get silentMs(): number {
    return this.#unanswered === 0 ? 0 : performance.now() - this.#lastAnswerAt;
  }

  /**
   * @throws CacheError `overloaded`, `timeout`, the code of the actor's refusal, or what `rejectAll` is given
   */
  async ask<R extends CacheRequest>(request: R): Promise<ReplyTo<R['type']>> {
    const { capacity } = this.#options;
    if (this.#unanswered >= capacity) {
      throw new CacheError('overloaded', `${capacity} requests to the cache are unanswered`);
    }
    const reply = await this.#enqueue(request);
    if (!isReplyTo<R['type']>(reply, request.type)) {
      throw new TypeError(`${request.type} was answered with ${reply.type}`);
    }
    return reply;
  }

  /** Says stop behind everything that was asked; no answer is waited for, since the thread's end is one. */
  askToStop(): void {
    this.#lastId += 1;
    this.#unanswered += 1;
    this.#outbox.push({ id: this.#lastId, request: { type: 'stop' } });
    this.flush();
  }

  deliver(answers: readonly Answer[]): void {
    this.#unanswered -= answers.length;
    this.#lastAnswerAt = performance.now();
    for (const answer of answers) {
      const waiting = this.#waiting.get(answer.id);
      // Timed out before; its caller has gone on.
      if (waiting === undefined) continue;
      this.#waiting.delete(answer.id);
      this.#options.onAnswer(this.#lastAnswerAt - waiting.askedAt);
      if (answer.ok) waiting.resolve(answer.reply);
      else waiting.reject(new CacheError(answer.code, answer.message));
    }
  }

  /** Sends what waits for the end of the tick. */
  flush(): void {
    this.#flushing = false;
    if (this.#outbox.length === 0) return;
    const asks = this.#outbox;
    this.#outbox = [];
    this.#options.send(asks);
  }

  /** Rejects every ask and forgets it: the actor that had them is gone. */
  rejectAll(reason: (type: CacheRequest['type']) => CacheError): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#outbox = [];
    this.#unanswered = 0;
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { type, reject } of lost) reject(reason(type));
  }

  #enqueue(request: CacheRequest): Promise<CacheReply> {
    return new Promise((resolve, reject) => {
      const { type } = request;
      const now = performance.now();
      this.#lastId += 1;
      if (this.#unanswered === 0) this.#lastAnswerAt = now;
      this.#unanswered += 1;
      this.#waiting.set(this.#lastId, { type, askedAt: now, resolve, reject });
      this.#outbox.push({ id: this.#lastId, request });
      this.#flushSoon();
      this.#timer ??= setTimeout(() => this.#expire(), this.#options.timeoutMs);
    });
  }

  /** Not by setImmediate: who collects requests until the end of a turn, as the server does, would wait for the next one's. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => this.flush());
  }

  /** One timer serves all asks: a timer for each would cost more than the ask. */
  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [id, { type, askedAt, reject }] of this.#waiting) {
      const deadline = askedAt + this.#options.timeoutMs;
      if (deadline > now) {
        this.#timer = setTimeout(() => this.#expire(), Math.ceil(deadline - now));
        return;
      }
      this.#waiting.delete(id);
      const { timeoutMs } = this.#options;
      reject(new CacheError('timeout', `no answer to ${type} within ${timeoutMs} ms`));
    }
  }
}

function isReplyTo<T extends CacheRequest['type']>(
  reply: CacheReply,
  type: T,
): reply is ReplyTo<T> {
  return reply.type === type;
}
