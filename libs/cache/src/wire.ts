import type { Answer, Ask, FromActor, ToActor } from './messages.ts';
import type { Freshness } from './records.ts';

/*
 * Messages cross threads as JSON: to copy one string, and to write and to read it, takes less than half of the time that
 * copying their many small objects does. What nearly every pull asks, and is answered, is a row of numbers.
 */

/** Id and version of `manifest.still`. */
type ShortAsk = readonly [id: number, version: number];
/** The answer: `ageMs` and `maxAgeMs` of what is fresh, or nothing. */
type ShortAnswer = readonly [id: number, ageMs?: number, maxAgeMs?: number | null];

interface AsksMessage {
  readonly asks: readonly Ask[];
  readonly still: readonly ShortAsk[];
}

type ReportMessage =
  | Exclude<FromActor, { type: 'answers' }>
  | {
      readonly type: 'answers';
      readonly answers: readonly Answer[];
      readonly still: readonly ShortAnswer[];
    };

/** What the client sends. */
export function encodeAsks(asks: ToActor): string {
  const still: ShortAsk[] = [];
  const others: Ask[] = [];
  for (const ask of asks) {
    const { id, request } = ask;
    if (request.type === 'manifest.still') still.push([id, request.version]);
    else others.push(ask);
  }
  return JSON.stringify({ asks: others, still } satisfies AsksMessage);
}

/** What the client wrote, see `messages.ts`: nothing is checked. The short ones come first. */
export function decodeAsks(text: string): ToActor {
  const { asks, still }: AsksMessage = JSON.parse(text);
  return [...still.map(readShortAsk), ...asks];
}

/** What the actor sends. */
export function encodeReport(report: FromActor): string {
  if (report.type !== 'answers') return JSON.stringify(report satisfies ReportMessage);
  const still: ShortAnswer[] = [];
  const answers: Answer[] = [];
  for (const answer of report.answers) {
    if (answer.ok && answer.reply.type === 'manifest.still') {
      still.push(shortAnswer(answer.id, answer.reply.freshness));
    } else {
      answers.push(answer);
    }
  }
  return JSON.stringify({ type: report.type, answers, still } satisfies ReportMessage);
}

/** The same for what the actor wrote. */
export function decodeReport(text: string): FromActor {
  const report: ReportMessage = JSON.parse(text);
  if (report.type !== 'answers') return report;
  const { answers, still, type } = report;
  return { type, answers: [...still.map(readShortAnswer), ...answers] };
}

function readShortAsk([id, version]: ShortAsk): Ask {
  return { id, request: { type: 'manifest.still', version } };
}

function shortAnswer(id: number, freshness: Freshness | null): ShortAnswer {
  return freshness === null ? [id] : [id, freshness.ageMs, freshness.maxAgeMs];
}

function readShortAnswer([id, ageMs, maxAgeMs = null]: ShortAnswer): Answer {
  const freshness = ageMs === undefined ? null : { ageMs, maxAgeMs, fresh: true };
  return { id, ok: true, reply: { type: 'manifest.still', freshness } };
}
