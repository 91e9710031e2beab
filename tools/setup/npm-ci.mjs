// Run with a lock: what another set-up has installed while this one waited is not installed again.
import { modulesProblem } from './modules.mjs';
import { run } from './run.mjs';

if (modulesProblem() !== undefined) {
  // Under `npm --silent` npm would hide the reason of a failure here, too.
  const { code } = await run(['npm', 'ci', '--loglevel=error']);
  process.exitCode = code;
}
