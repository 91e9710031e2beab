/** What the threads of a process take of the processors. */
import { readdir, readFile } from 'node:fs/promises';

/** µs on a processor, by thread id. */
type ThreadTimes = ReadonlyMap<number, number>;

/**
 * The first figure is the time on a processor in ns.
 * {@link https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat}
 */
export async function threadTimes(pid: number): Promise<ThreadTimes> {
  const folder = `/proc/${pid}/task`;
  const times = new Map<number, number>();
  for (const thread of await readdir(folder)) {
    // A thread that ends meanwhile has none any more.
    const text = await readFile(`${folder}/${thread}/schedstat`, 'utf8').catch(() => undefined);
    if (text !== undefined) times.set(Number(thread), Number(text.split(' ', 1)[0]) / 1000);
  }
  return times;
}

/** @returns µs since `before`: of the main thread, of the busiest of the others, of all the rest */
export function busySince(
  before: ThreadTimes,
  after: ThreadTimes,
  pid: number,
): readonly [main: number, busiest: number, rest: number] {
  const since = new Map([...after].map(([thread, us]) => [thread, us - (before.get(thread) ?? 0)]));
  const main = since.get(pid) ?? 0;
  since.delete(pid);
  const [busiest = 0, ...rest] = [...since.values()].toSorted((a, b) => b - a);
  return [main, busiest, rest.reduce((sum, us) => sum + us, 0)];
}
