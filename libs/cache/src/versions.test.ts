import { expect, test } from 'vitest';
import { type Stamp, Versions } from './versions.ts';

function openVersions(max: number): Versions {
  let last = 0;
  return new Versions(() => (last += 1), max);
}

function stamp(id: number): Stamp {
  return { id, kind: 'pinned', storedAt: id };
}

test('an entry has one version until it is replaced or gone', () => {
  const versions = openVersions(10);
  const first = versions.tell(stamp(1));
  expect(versions.tell(stamp(1))).toBe(first);
  expect(versions.find(first)).toEqual(stamp(1));

  versions.forget(1);
  versions.forget(1);
  expect(versions.find(first)).toBeUndefined();
  const second = versions.tell({ ...stamp(1), storedAt: 9 });
  expect(second).not.toBe(first);
  expect(versions.find(second)).toMatchObject({ storedAt: 9 });
});

test('one that nobody asked about any more has another version when it is told anew', () => {
  const versions = openVersions(2);
  const [first] = [1, 2, 3].map((id) => versions.tell(stamp(id)));
  expect(versions.find(first ?? 0)).toBeUndefined();
  expect(versions.tell(stamp(1))).toBe(4);
  expect(versions.find(4)).toEqual(stamp(1));
});
