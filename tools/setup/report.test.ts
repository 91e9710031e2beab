import { describe, expect, test } from 'vitest';
import { countStep, countTests, listFailures, summarise } from './report.mjs';

const report = {
  numPassedTests: 3,
  numFailedTests: 1,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [
    { name: 'a', status: 'passed', assertionResults: [{ status: 'passed', fullName: 'works' }] },
    {
      name: 'b',
      status: 'failed',
      assertionResults: [
        { status: 'failed', fullName: 'adds', failureMessages: ['expected 3\n\n    at b:1'] },
      ],
    },
    { name: 'c', status: 'failed', message: 'no such module', assertionResults: [] },
  ],
};

describe('counting tests', () => {
  test('a file that cannot be loaded counts as one failure', () => {
    expect(countTests(report)).toEqual({ passed: 3, failed: 2, skipped: 2 });
  });

  test.each([
    { description: 'a passing check is one test', code: 0, expected: { passed: 1, failed: 0 } },
    { description: 'a failing check is one failure', code: 2, expected: { passed: 0, failed: 1 } },
  ])('$description', ({ code, expected }) => {
    expect(countStep({ name: 'lint', milliseconds: 1, code })).toMatchObject(expected);
  });

  test.each([
    { description: 'a project without a report', counts: undefined, problem: 'a: no report' },
    {
      description: 'a project that ran no test',
      counts: { passed: 0, failed: 0, skipped: 4 },
      problem: 'a: ran no test',
    },
    {
      description: 'a run that fails though its tests pass',
      counts: { passed: 1, failed: 0, skipped: 0 },
      problem: 'exit code 1, though no test failed',
    },
  ])('$description is a failure', ({ counts, problem }) => {
    const step = { name: 'tests', milliseconds: 1, code: 1, projects: [{ project: 'a', counts }] };
    expect(countStep(step)).toMatchObject({ failed: 1, problems: [problem] });
  });
});

test('a failed test is listed with its file and the start of its message', () => {
  expect(listFailures(report)).toEqual([
    'b > adds',
    '  expected 3',
    '      at b:1',
    'c',
    '  no such module',
  ]);
});

describe('the summary', () => {
  const passing = { name: 'lint', milliseconds: 1500, code: 0 };
  test('ends with the count of everything, alone on its line', () => {
    const { lines, code } = summarise([passing, tests(0)], { ci: true });
    expect(lines.at(-1)).toBe('6 passed, 0 failed');
    expect(code).toBe(0);
  });

  test('gives the time and the result of each step', () => {
    const { lines } = summarise([passing, { ...passing, name: 'types', code: 1 }], { ci: false });
    expect(lines[0]).toBe('ok      lint      1.5 s');
    expect(lines[1]).toMatch(/^FAILED {2}types/);
  });

  test('repeats what failed, since the output above it is long', () => {
    const counts = { passed: 5, failed: 1, skipped: 0 };
    const projects = [{ project: 'a', counts, failures: ['b > adds'] }];
    const { lines } = summarise([{ ...tests(0), code: 1, projects }], { ci: true });
    expect(lines).toContain('        b > adds');
  });

  test('names skipped tests, which fail a run in CI only', () => {
    expect(summarise([passing, tests(2)], { ci: false })).toMatchObject({ code: 0 });
    const inCi = summarise([passing, tests(2)], { ci: true });
    expect(inCi.lines.at(-1)).toBe('6 passed, 0 failed, 2 skipped');
    expect(inCi.code).toBe(1);
  });

  test('a failing step fails the run', () => {
    expect(summarise([passing, { ...passing, code: 1 }], { ci: false })).toMatchObject({ code: 1 });
  });
});

function tests(skipped: number) {
  const counts = { passed: 5, failed: 0, skipped };
  return { name: 'tests', milliseconds: 20, code: 0, projects: [{ project: 'a', counts }] };
}
