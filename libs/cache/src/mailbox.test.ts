import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CacheError } from './errors.ts';
import { Mailbox } from './mailbox.ts';
import type { Answer, Ask } from './messages.ts';

/** A mailbox whose messages lie here until the test answers them. */
function openMailbox(options: { capacity?: number; timeoutMs?: number } = {}) {
  const sent: (readonly Ask[])[] = [];
  const mailbox = new Mailbox({
    capacity: 10,
    timeoutMs: 10_000,
    onAnswer: () => {},
    ...options,
    send: (asks) => sent.push(asks),
  });
  return { mailbox, sent };
}

function tagsOf(name: string) {
  return { type: 'tag.list', name, after: null, limit: 1 } as const;
}

function tags(id: number, ...tags: string[]): Answer {
  return { id, ok: true, reply: { type: 'tag.list', tags } };
}

describe('a mailbox', () => {
  test('sends the asks of one tick in one message, in their order', async () => {
    const { mailbox, sent } = openMailbox();
    const first = mailbox.ask(tagsOf('a'));
    const second = mailbox.ask(tagsOf('b'));
    await setImmediate();
    const third = mailbox.ask(tagsOf('c'));
    await setImmediate();

    expect(sent.map((asks) => asks.map((ask) => ask.request))).toEqual([
      [tagsOf('a'), tagsOf('b')],
      [tagsOf('c')],
    ]);
    const ids = sent.flat().map((ask) => ask.id);
    mailbox.deliver(ids.map((id, index) => tags(id, `t${index}`)));
    await expect(Promise.all([first, second, third])).resolves.toMatchObject([
      { tags: ['t0'] },
      { tags: ['t1'] },
      { tags: ['t2'] },
    ]);
  });

  test('rejects with the code of a refusal', async () => {
    const { mailbox, sent } = openMailbox();
    const asked = mailbox.ask(tagsOf('a'));
    await setImmediate();
    const id = sent.flat()[0]?.id ?? NaN;
    mailbox.deliver([{ id, ok: false, code: 'database', message: 'disk full' }]);

    await expect(asked).rejects.toMatchObject({ code: 'database', message: 'disk full' });
  });

  test('rejects each ask that gets no answer in time, and takes no notice of a late one', async () => {
    const { mailbox, sent } = openMailbox({ timeoutMs: 20 });
    const first = mailbox.ask(tagsOf('a'));
    await expect(first).rejects.toMatchObject({ code: 'timeout' });
    const second = mailbox.ask(tagsOf('b'));
    await expect(second).rejects.toMatchObject({ code: 'timeout' });

    mailbox.deliver(sent.flat().map(({ id }) => tags(id)));
    expect(mailbox.depth).toBe(0);
  });

  test('takes no more than its capacity, counting asks that timed out until they are answered', async () => {
    const { mailbox, sent } = openMailbox({ capacity: 1, timeoutMs: 20 });
    await expect(mailbox.ask(tagsOf('a'))).rejects.toMatchObject({ code: 'timeout' });
    await expect(mailbox.ask(tagsOf('b'))).rejects.toMatchObject({ code: 'overloaded' });

    mailbox.deliver(sent.flat().map(({ id }) => tags(id)));
    const third = mailbox.ask(tagsOf('c'));
    await setImmediate();
    mailbox.deliver(sent.flat().map(({ id }) => tags(id, 'v1')));
    await expect(third).resolves.toMatchObject({ tags: ['v1'] });
  });

  test('says for how long an answer has been owed', async () => {
    const { mailbox, sent } = openMailbox();
    expect(mailbox.silentMs).toBe(0);
    const asked = mailbox.ask(tagsOf('a'));
    await setTimeout(15);
    expect(mailbox.silentMs).toBeGreaterThan(10);

    mailbox.deliver(sent.flat().map(({ id }) => tags(id)));
    await asked;
    expect(mailbox.silentMs).toBe(0);
  });

  test('forgets everything when the actor is lost: sent or not, and the room it took', async () => {
    const { mailbox, sent } = openMailbox({ capacity: 2 });
    const first = mailbox.ask(tagsOf('a'));
    await setImmediate();
    const second = mailbox.ask(tagsOf('b'));
    mailbox.rejectAll((type) => new CacheError('restarted', type));

    await expect(first).rejects.toMatchObject({ code: 'restarted', message: 'tag.list' });
    await expect(second).rejects.toMatchObject({ code: 'restarted' });
    await setImmediate();
    expect(sent.flat()).toHaveLength(1);
    expect(mailbox.depth).toBe(0);
  });
});
