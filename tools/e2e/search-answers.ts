import { setTimeout as delay } from 'node:timers/promises';

import { z } from 'zod';

const answerSchema = z.object({
  state: z.string(),
  indexed: z.number(),
  examined: z.number(),
  total: z.number(),
  packages: z.array(z.object({ attribute: z.string(), imageName: z.string() })),
});
export type SearchAnswer = z.infer<typeof answerSchema>;

const POLL_MS = 100;
const DEADLINE_MS = 20 * 60 * 1000;

/** What a registry's search finds. @throws Error for anything but an answer */
export async function searchFor(url: string, query: string): Promise<SearchAnswer> {
  const response = await fetch(`${url}/packages.json?q=${encodeURIComponent(query)}`);
  if (!response.ok) throw new Error(`the search answered ${response.status}`);
  return answerSchema.parse(await response.json());
}

/** Waits until so many attributes have been looked at. @throws Error when it takes more than 20 minutes */
export async function searchExamined(url: string, count: number): Promise<SearchAnswer> {
  return await searchUntil(url, ({ examined }) => examined >= count);
}

/** Waits until all of the package set can be found. @throws Error when it takes more than 20 minutes */
export async function searchReady(url: string): Promise<SearchAnswer> {
  return await searchUntil(url, ({ state }) => state === 'ready');
}

async function searchUntil(
  url: string,
  isEnough: (answer: SearchAnswer) => boolean,
): Promise<SearchAnswer> {
  for (const end = performance.now() + DEADLINE_MS; performance.now() < end;) {
    const answer = await searchFor(url, '');
    if (isEnough(answer)) return answer;
    await delay(POLL_MS);
  }
  throw new Error('the package set was not indexed in time');
}
