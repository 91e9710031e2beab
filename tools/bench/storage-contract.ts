/**
 * Runs the contract that all storages are held to, and prints what each has kept as the tables of docs/storage-contract.md:
 * `node --conditions=@nixery/source tools/bench/storage-contract.ts`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const WORKSPACE = fileURLToPath(new URL('../..', import.meta.url));
const MARKS: Readonly<Record<string, string>> = { passed: 'yes', failed: '**no**' };

/** https://vitest.dev/guide/reporters#json-reporter */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ ancestorTitles: z.array(z.string()), title: z.string(), status: z.string() }),
      ),
    }),
  ),
});

interface Result {
  readonly suites: readonly string[];
  readonly title: string;
  readonly status: string;
}

interface Cell {
  readonly row: string;
  readonly column: string;
}

const backends = await runTests('libs/storage', [
  'src/filesystem.test',
  'src/gcs.test',
  'src/s3.test',
]);
print('Promise', backends, ({ suites: [suite = '', ...sections], title }) => {
  const [, column] = /^(.*) as a blob store$/.exec(suite) ?? [];
  return column === undefined ? null : { column, row: [...sections, title].join(': ') };
});
const modes = await runTests('apps/registry', ['src/routes/blobs-in-buckets']);
print('Blobs', modes, ({ suites: [suite = '', mode], title }) => {
  const [, kind] = /\((\w+)\)$/.exec(suite) ?? [];
  return kind === undefined || mode === undefined
    ? null
    : { column: `${kind}, ${mode}`, row: title };
});

async function runTests(project: string, files: readonly string[]): Promise<readonly Result[]> {
  const cwd = join(WORKSPACE, project);
  const child = spawn(
    'npx',
    ['vitest', 'run', '--config', '../../vitest.config.ts', '--root', '.', ...files],
    { cwd, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await once(child, 'close');
  // vitest.config.ts names it.
  const report = await readFile(join(cwd, 'test-results/vitest.json'), 'utf8');
  return reportSchema.parse(JSON.parse(report)).testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ ancestorTitles: suites, title, status }) => ({
      suites,
      title,
      status,
    })),
  );
}

/** A row for each promise, a column for each who made it. */
function print(
  heading: string,
  results: readonly Result[],
  place: (result: Result) => Cell | null,
): void {
  const columns = new Set<string>();
  const rows = new Map<string, Map<string, string>>();
  for (const result of results) {
    const cell = place(result);
    if (cell === null) continue;
    columns.add(cell.column);
    const row = rows.get(cell.row) ?? new Map<string, string>();
    rows.set(cell.row, row.set(cell.column, MARKS[result.status] ?? result.status));
  }
  const names = [...columns];
  console.log(line([heading, ...names]));
  console.log(line(['---', ...names.map(() => '---')]));
  for (const [title, row] of rows) {
    console.log(line([title, ...names.map((name) => row.get(name) ?? '')]));
  }
  console.log();
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
