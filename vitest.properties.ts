import fc from 'fast-check';

/** How often each property is tried, in place of fast-check's 100. */
fc.configureGlobal({ numRuns: Number(process.env['NIXERY_TEST_RUNS']) });
