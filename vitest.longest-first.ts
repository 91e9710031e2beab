import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take half a minute and more, of each project the longest first: begun last, one would be waited for alone. */
const LONGEST = [
  'tools/e2e/programs.test.ts',
  'tools/e2e/pull.test.ts',
  'tools/e2e/arm64.test.ts',
  'tools/e2e/faults/kill.test.ts',
  'tools/e2e/proxy.test.ts',
  'tools/e2e/deploy-own-image.test.ts',
  'tools/e2e/messages.test.ts',
  'tools/e2e/buckets.test.ts',
  'tools/e2e/ladder-end.test.ts',
  'tools/e2e/ladder.test.ts',
  'tools/e2e/pages/builds.test.ts',
  'tools/e2e/pages/accessibility.test.ts',
  'tools/e2e/faults/archive.test.ts',
  'tools/e2e/faithful.test.ts',
  'tools/e2e/healing.test.ts',
  'tools/e2e/housekeeping.test.ts',
  'tools/e2e/pages/compose.test.ts',
  'tools/packages/mirror.test.ts',
  'tools/packages/prepare.test.ts',
  'apps/registry/src/bucket-faults.test.ts',
  'apps/registry/src/routes/blobs-in-buckets.test.ts',
  'libs/builder/src/builder-time.test.ts',
  'libs/builder/src/combinations.test.ts',
  'libs/builder/src/second-level.test.ts',
  'libs/builder/src/healer.test.ts',
  'libs/builder/src/builder.test.ts',
  'libs/builder/src/index-builder.test.ts',
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
