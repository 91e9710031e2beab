import { describe, expect, it } from 'vitest';

import { parseCommand, UsageError } from './arguments.ts';

const HOUR = 60 * 60 * 1000;
const GIB = 1024 ** 3;

describe('a command line', () => {
  it.each([
    {
      line: 'check',
      command: { name: 'check', content: true, repair: false, json: false },
    },
    {
      line: 'check --quick --repair --json',
      command: { name: 'check', content: false, repair: true, json: true },
    },
    {
      line: 'gc',
      command: {
        name: 'gc',
        maxAgeMs: null,
        maxBytes: null,
        graceMs: 24 * HOUR,
        delete: false,
        json: false,
      },
    },
    {
      line: 'gc --max-age 30d --max-size=100G --grace 36h --delete',
      command: {
        name: 'gc',
        maxAgeMs: 720 * HOUR,
        maxBytes: 100 * GIB,
        graceMs: 36 * HOUR,
        delete: true,
        json: false,
      },
    },
    {
      line: 'import --from gs://images --copy',
      command: { name: 'import', from: 'gs://images', copy: true, json: false },
    },
    { line: '--help', command: { name: 'help' } },
  ])('$line is understood', ({ command, line }) => {
    expect(parseCommand(line.split(' '))).toEqual(command);
  });

  it.each([
    { line: '', says: 'check, gc or import' },
    { line: 'collect', says: 'there is no command collect' },
    { line: 'check --delete', says: "'--delete'" },
    { line: 'gc images', says: 'images' },
    { line: 'gc --grace 23h', says: 'at least 24h' },
    { line: 'gc --grace 0d', says: 'at least 24h' },
    { line: 'gc --max-age 30', says: '--max-age must be' },
    { line: 'gc --max-age -1d', says: '--max-age' },
    { line: 'gc --max-size 10X', says: '--max-size must be' },
    { line: 'gc --max-size constructor', says: '--max-size must be' },
    { line: 'import', says: '--from' },
  ])('$line is refused, and it says why', ({ line, says }) => {
    const parse = (): unknown => parseCommand(line.split(' ').filter((word) => word !== ''));
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(says);
  });
});
