import { expect, test } from 'vitest';
import type { Answer, Ask, FromActor } from './messages.ts';
import type { Freshness } from './records.ts';
import { decodeAsks, decodeReport, encodeAsks, encodeReport } from './wire.ts';

const ASKS: readonly Ask[] = [
  { id: 1, request: { type: 'stats' } },
  { id: 2, request: { type: 'manifest.still', version: 70 } },
  { id: 3, request: { type: 'manifest.forms', key: 'k', allowStale: true } },
  { id: 4, request: { type: 'manifest.still', version: 2 ** 40 } },
];

const ANSWERS: readonly Answer[] = [
  { id: 3, ok: true, reply: { type: 'manifest.forms', hit: null } },
  { id: 5, ok: true, reply: still({ ageMs: 12, maxAgeMs: 60_000, fresh: true }) },
  { id: 1, ok: false, code: 'database', message: 'disk full' },
  { id: 6, ok: true, reply: still({ ageMs: 0, maxAgeMs: null, fresh: true }) },
  { id: 7, ok: true, reply: still(null) },
];

function still(freshness: Freshness | null) {
  return { type: 'manifest.still', freshness } as const;
}

function byId(a: { readonly id: number }, b: { readonly id: number }): number {
  return a.id - b.id;
}

test('asks arrive as they were sent, the short ones first', () => {
  const arrived = decodeAsks(encodeAsks(ASKS));
  expect(arrived.map(({ id }) => id)).toEqual([2, 4, 1, 3]);
  expect(arrived.toSorted(byId)).toEqual(ASKS);
});

test('answers arrive as they were given', () => {
  const arrived = decodeReport(encodeReport({ type: 'answers', answers: ANSWERS }));
  const answers = arrived.type === 'answers' ? arrived.answers : [];
  expect(answers.toSorted(byId)).toEqual(ANSWERS.toSorted(byId));
});

test('what else the actor says arrives as it was said', () => {
  const reports: readonly FromActor[] = [
    { type: 'ready' },
    { type: 'warning', warning: { type: 'maintenance-failed', detail: 'disk full' } },
  ];
  expect(reports.map((report) => decodeReport(encodeReport(report)))).toEqual(reports);
});
