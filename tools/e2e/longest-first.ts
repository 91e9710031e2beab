import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take half a minute and more, the longest first: begun last, one would be waited for alone. */
const LONGEST = [
  'programs.test.ts',
  'pull.test.ts',
  'arm64.test.ts',
  'faults/kill.test.ts',
  'proxy.test.ts',
  'deploy-own-image.test.ts',
  'messages.test.ts',
  'buckets.test.ts',
  'ladder-end.test.ts',
  'ladder.test.ts',
  'housekeeping.test.ts',
];

/** Where several files run at a time, this order has them all done soonest. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const index = LONGEST.indexOf(path.relative(import.meta.dirname, moduleId));
  return index === -1 ? LONGEST.length : index;
}
