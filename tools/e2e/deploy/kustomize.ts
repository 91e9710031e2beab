import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { assignment } from './settings.ts';

const resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
export type Resource = z.infer<typeof resource>;

/** The fields that are used; another one has to be added here first. https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ */
const kustomization = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  resources: z.array(z.string()),
  patches: z.array(z.strictObject({ path: z.string() })).default([]),
  configMapGenerator: z
    .array(
      z.strictObject({
        name: z.string(),
        behavior: z.enum(['create', 'merge']).default('create'),
        literals: z.array(z.string()),
      }),
    )
    .default([]),
});

/** What `kubectl kustomize` makes of a folder, but for the hashes that it puts behind the names of ConfigMaps. */
export function renderKustomization(folder: string): readonly Resource[] {
  const { configMapGenerator, patches, resources } = kustomization.parse(
    readYaml(path.join(folder, 'kustomization.yaml')),
  );
  const rendered = resources.flatMap((name) => {
    const file = path.join(folder, name);
    return name.endsWith('.yaml') ? [resource.parse(readYaml(file))] : renderKustomization(file);
  });
  for (const { behavior, literals, name } of configMapGenerator) {
    const data = Object.fromEntries(literals.map(assignment));
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
    if (behavior === 'create') rendered.push(map);
    else patchResource(rendered, map);
  }
  for (const patch of patches) {
    patchResource(rendered, resource.parse(readYaml(path.join(folder, patch.path))));
  }
  return rendered;
}

export function readYaml(file: string): unknown {
  return parse(readFileSync(file, 'utf8'));
}

function patchResource(resources: Resource[], patch: Resource): void {
  const index = resources.findIndex(
    ({ kind, metadata }) => kind === patch.kind && metadata.name === patch.metadata.name,
  );
  if (index === -1) throw new Error(`nothing to patch: ${patch.kind} ${patch.metadata.name}`);
  resources[index] = resource.parse(merge(resources[index], patch));
}

/** By which field the items of a list are told apart; other lists are replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
  volumes: 'name',
};

type Fields = Readonly<Record<string, unknown>>;

/**
 * A strategic merge: null removes a field, and `$patch: replace` keeps none. In an item of a list it would mean the list.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
function merge(base: unknown, patch: unknown, field = ''): unknown {
  if (Array.isArray(patch)) return mergeLists(Array.isArray(base) ? base : [], patch, field);
  if (!isFields(patch)) return patch;
  const { $patch, ...changes } = patch;
  if ($patch === 'replace') return changes;
  if ($patch !== undefined) throw new Error(`unknown directive: ${JSON.stringify($patch)}`);
  const merged: Record<string, unknown> = isFields(base) ? { ...base } : {};
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value, name);
  }
  return merged;
}

function mergeLists(base: readonly unknown[], patch: readonly unknown[], field: string): unknown {
  const key = MERGE_KEYS[field];
  if (key === undefined) return patch;
  if (patch.some((item) => isFields(item) && '$patch' in item)) {
    throw new Error(`$patch in an item of ${field}`);
  }
  const keyOf = (item: unknown): unknown => (isFields(item) ? item[key] : undefined);
  const patched = patch.map((item) =>
    merge(
      base.find((old) => keyOf(old) === keyOf(item)),
      item,
    ),
  );
  return [...patched, ...base.filter((old) => !patched.some((item) => keyOf(item) === keyOf(old)))];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
