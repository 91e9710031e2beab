import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tool } from '../../setup/workspace.mjs';
import type { Resource } from './kustomize.ts';

const types = path.dirname(fileURLToPath(import.meta.resolve('kubernetes-types/package.json')));

/**
 * What Kubernetes' API would not take of these: missing and unknown fields, values of another type. The types are made from
 * its OpenAPI description, and the compiler refuses what they lack in literals.
 *
 * @returns the compiler's messages
 */
export function typeProblems(resources: readonly Resource[]): readonly string[] {
  const dir = mkdtempSync(path.join(tmpdir(), 'nixery-manifests-'));
  try {
    const file = path.join(dir, 'manifests.ts');
    writeFileSync(file, resources.map(declaration).join('\n'));
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--types', ''];
    const [node, script] = tool('tsc');
    const result = spawnSync(node, [script, '--ignoreConfig', ...flags, file], {
      encoding: 'utf8',
    });
    return result.stdout.split('\n').filter((line) => line.includes('error TS'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** `apps/v1` is in a file of that name, and `v1` in `core/v1`. */
function declaration(resource: Resource, index: number): string {
  const { apiVersion, kind } = resource;
  const version = apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`;
  const type = `import(${JSON.stringify(path.join(types, `${version}.js`))}).${kind}`;
  return `export const resource${index}: ${type} = ${JSON.stringify(resource)};`;
}
