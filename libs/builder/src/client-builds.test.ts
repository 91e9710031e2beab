import { randomUUID } from 'node:crypto';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { parseImageName } from './image-name.ts';
import { createHarness, type Harness } from './testing/harness.ts';

describe('one client', () => {
  let harness: Harness | undefined;
  afterEach(async () => {
    await harness?.stop();
    await harness?.remove();
  });

  it('may not begin more builds than it is allowed, but joins those that run', async () => {
    harness = await createHarness({ maxBuildsPerClient: 2 }, randomUUID());
    const { builder } = harness;
    const image = (name: string, client?: string) =>
      builder.image(parseImageName(name, 'latest'), 'oci', { client });
    const first = [image('slow2', 'a'), image('slow3', 'a')];
    await vi.waitFor(() => expect(builder.load.builds).toBe(2), { timeout: 60_000 });
    await expect(image('slow1', 'a')).rejects.toMatchObject({
      code: 'overloaded',
      message: expect.stringContaining('2 images are being built for you'),
    });
    const joined = image('slow3', 'a');
    const others = [image('slow1', 'b'), image('slow4')];
    await Promise.all([...first, joined, ...others]);
    // Its builds are over, and the refusal is not remembered.
    await image('slow0', 'a');
  });
});
