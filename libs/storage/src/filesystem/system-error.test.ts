import { expect, test } from 'vitest';
import { BlobError } from '../error.ts';
import { systemError } from './system-error.ts';

test.each([
  { errno: 'ENOSPC', code: 'full' },
  { errno: 'EDQUOT', code: 'full' },
  { errno: 'EACCES', code: 'denied' },
  { errno: 'EPERM', code: 'denied' },
  { errno: 'EROFS', code: 'denied' },
  { errno: 'EIO', code: 'unavailable' },
  { errno: 'ENOENT', code: 'unavailable' },
  { errno: 'EMFILE', code: 'unavailable' },
  { errno: 'ESTALE', code: 'unavailable' },
])('$errno is $code, with its cause kept', ({ errno, code }) => {
  const cause = Object.assign(new Error('in the words of the system'), { code: errno });
  const error = systemError(cause, 'read /some/file');
  expect(error).toMatchObject({ name: 'BlobError', code, cause });
  expect(error.message).toContain('Cannot read /some/file');
  expect(error.message).toContain(errno);
});

test('what is no system error is a fault of the backend, and a BlobError stays what it is', () => {
  expect(systemError(new TypeError('a mistake'), 'read')).toMatchObject({ code: 'unavailable' });
  expect(systemError('thrown text', 'read')).toMatchObject({ cause: 'thrown text' });
  const corrupt = new BlobError('corrupt', 'damaged');
  expect(systemError(corrupt, 'read')).toBe(corrupt);
});
