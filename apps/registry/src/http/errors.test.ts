import { BuildError } from '@nixery/builder';
import { BlobError } from '@nixery/storage';
import { describe, expect, it } from 'vitest';

import { toHttpError } from './errors.ts';

describe('a failed build', () => {
  const derivation = `/nix/store/${'a'.repeat(32)}-git-2.0.drv`;

  it('is answered with the name of the derivation and the end of its log, 2 KiB at most', () => {
    const log = Array.from({ length: 1_000 }, (_, i) => `line ${i}`);
    const error = toHttpError(new BuildError('build-failed', 'text of Nix', { derivation, log }));
    expect(error).toMatchObject({ status: 422, code: 'MANIFEST_INVALID', detail: { derivation } });
    expect(error.message).toMatch(
      /^building git-2\.0\.drv failed\nthe end of its log:\nline \d+\n/,
    );
    expect(error.message).toMatch(/line 999$/);
    expect(Buffer.byteLength(error.message)).toBeLessThan(2_200);
  });

  it('is answered with the address of its page, where it has one', () => {
    const error = new BuildError('build-failed', '', { derivation, log: ['last'] });
    error.build = 'id';
    expect(toHttpError(error, 'registry.example/builds').message).toBe(
      'building git-2.0.drv failed\nmore: registry.example/builds/id\nthe end of its log:\nlast',
    );
    const refused = new BuildError('package-refused', 'git is unfree');
    refused.build = 'id';
    expect(toHttpError(refused, 'registry.example/builds').message).toBe('git is unfree');
  });

  it('cuts its log between lines, and gives none that is one endless line', () => {
    const log = ['x'.repeat(5_000)];
    const error = toHttpError(new BuildError('build-failed', '', { derivation, log }));
    expect(error.message).toBe('building git-2.0.drv failed');
  });
});

describe('a failure of the storage', () => {
  it.each(['unavailable', 'denied', 'full', 'corrupt'] as const)(
    'is answered in our own words, without what the storage says: %s',
    (code) => {
      const secret = new BlobError(code, '/secret/path');
      for (const error of [secret, new BuildError('internal', 'wrapped', { cause: secret })]) {
        const { status, message, headers } = toHttpError(error);
        expect(status).toBe(503);
        expect(message).toContain('storage');
        expect(message).not.toContain('secret');
        expect(headers['Retry-After']).toBeDefined();
      }
    },
  );
});

describe('any other failure', () => {
  it('says nothing of itself', () => {
    const { status, message } = toHttpError(new Error('password=hunter2'));
    expect(status).toBe(500);
    expect(message).not.toContain('hunter2');
  });
});
