/**
 * What Vitest's JSON reporter writes, as far as it is counted here. https://vitest.dev/guide/reporters#json-reporter
 *
 * @typedef {object} VitestReport
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {readonly VitestFile[]} testResults
 */

/**
 * @typedef {object} VitestFile
 * @property {string} name
 * @property {string} status
 * @property {string} [message]
 * @property {readonly { readonly status: string, readonly fullName: string, readonly failureMessages?: readonly string[] }[]} assertionResults
 */

/** @typedef {{ readonly passed: number, readonly failed: number, readonly skipped: number }} Counts */

/** Lines of a failure's message that the summary repeats; the whole is further up in the output. */
const MESSAGE_LINES = 6;

/**
 * @param {VitestReport} report
 * @returns {Counts}
 */
export function countTests(report) {
  // A file that cannot be loaded has no tests to fail: it counts as one.
  const brokenFiles = report.testResults.filter(
    (file) =>
      file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * What failed and how, for the end of a long output: nobody should have to search for it.
 *
 * @param {VitestReport} report
 * @returns {string[]} lines
 */
export function listFailures(report) {
  return report.testResults.flatMap((file) => {
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0)
      return file.status === 'failed' ? describe(file.name, file.message) : [];
    return failed.flatMap((test) =>
      describe(`${file.name} > ${test.fullName}`, test.failureMessages?.join('\n')),
    );
  });
}

/**
 * @param {string} title
 * @param {string} [message]
 * @returns {string[]}
 */
function describe(title, message = '') {
  const lines = message.split('\n').filter((line) => line.trim() !== '');
  return [title, ...lines.slice(0, MESSAGE_LINES).map((line) => `  ${line}`)];
}

/**
 * A step of `npm test` that has ended: a check counts as one test, a test run as its projects' tests.
 *
 * @typedef {object} StepResult
 * @property {string} name
 * @property {number} milliseconds
 * @property {number} code its exit code
 * @property {readonly { readonly project: string, readonly counts: Counts | undefined, readonly failures?: readonly string[] }[]} [projects] undefined counts: no report
 */

/**
 * @param {StepResult} step
 * @returns {Counts & { readonly problems: readonly string[] }}
 */
export function countStep({ code, projects }) {
  if (projects === undefined) {
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, problems: [] };
  }
  const problems = projects.flatMap(({ project, counts }) => {
    if (counts === undefined) return [`${project}: no report`];
    return counts.passed + counts.failed === 0 ? [`${project}: ran no test`] : [];
  });
  const total = sum(projects.flatMap(({ counts }) => counts ?? []));
  if (code !== 0 && total.failed === 0 && problems.length === 0) {
    problems.push(`exit code ${code}, though no test failed`);
  }
  const failures = projects.flatMap((project) => project.failures ?? []);
  return {
    ...total,
    failed: total.failed + problems.length,
    problems: [...problems, ...failures],
  };
}

/**
 * The closing lines, and the exit code they mean.
 *
 * @param {readonly StepResult[]} steps
 * @param {{ readonly ci: boolean }} options in CI a skipped test is a failed run: nobody would look
 * @returns {{ lines: string[], code: number }}
 */
export function summarise(steps, { ci }) {
  const counted = steps.map((step) => ({ step, ...countStep(step) }));
  const width = Math.max(0, ...steps.map((step) => step.name.length));
  const rows = counted.flatMap(({ step, passed, failed, skipped, problems }) => [
    `${failed === 0 && step.code === 0 ? 'ok    ' : 'FAILED'}  ${step.name.padEnd(width)}  ${seconds(step)}${
      step.projects === undefined ? '' : `  ${countLine({ passed, failed, skipped })}`
    }`,
    ...problems.map((problem) => `        ${problem}`),
  ]);
  const total = sum(counted);
  const skippedInCi = ci && total.skipped > 0;
  return {
    lines: [
      ...rows,
      ...(skippedInCi ? ['FAILED  nothing may be skipped in CI'] : []),
      '',
      countLine(total),
    ],
    code: total.failed > 0 || steps.some((step) => step.code !== 0) || skippedInCi ? 1 : 0,
  };
}

/**
 * @param {readonly Counts[]} counts
 * @returns {Counts}
 */
function sum(counts) {
  return counts.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/**
 * @param {Counts} counts
 * @returns {string}
 */
function countLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

/**
 * @param {StepResult} step
 * @returns {string}
 */
function seconds({ milliseconds }) {
  return `${(milliseconds / 1000).toFixed(1)} s`.padStart(8);
}
