import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deployFolder, installed, minimumStopSeconds } from './deploy/files.ts';
import { typeProblems } from './deploy/kubernetes-types.ts';
import { renderKustomization, type Resource } from './deploy/kustomize.ts';
import { settingProblems } from './deploy/settings.ts';

const variants = ['filesystem', 's3', 'gcs'];
const buckets = ['s3', 'gcs'];

function render(variant: string): readonly Resource[] {
  return renderKustomization(path.join(deployFolder, 'kubernetes', variant));
}

const probe = z.looseObject({
  httpGet: z.object({ path: z.string(), port: z.string() }),
  timeoutSeconds: z.number().default(1),
});

/** What the tests below look at; whether it is all that Kubernetes wants is for its own types to say. */
const deploymentSchema = z.object({
  spec: z.object({
    replicas: z.number().optional(),
    strategy: z.object({ type: z.string() }),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.object({
        serviceAccountName: z.string(),
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.looseObject({}),
        containers: z.tuple([
          z.object({
            ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
            envFrom: z.array(z.object({ configMapRef: z.object({ name: z.string() }) })),
            env: z.array(z.looseObject({ name: z.string() })).default([]),
            startupProbe: probe,
            livenessProbe: probe,
            readinessProbe: probe,
            lifecycle: z.object({
              preStop: z.object({ exec: z.object({ command: z.tuple([z.string(), z.string()]) }) }),
            }),
            securityContext: z.looseObject({}),
            volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
          }),
        ]),
        volumes: z.array(z.looseObject({ name: z.string() })),
      }),
    }),
  }),
});

function find(resources: readonly Resource[], kind: string): Resource {
  const found = resources.filter((resource) => resource.kind === kind);
  if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} ${kind}`);
  return found[0];
}

function deployment(resources: readonly Resource[]) {
  return deploymentSchema.parse(find(resources, 'Deployment')).spec;
}

describe.each(variants)('%s', (variant) => {
  const resources = render(variant);
  const { selector, template } = deployment(resources);
  const pod = template.spec;
  const [container] = pod.containers;

  test('is what the API of Kubernetes takes', () => {
    expect(typeProblems(resources)).toEqual([]);
  });

  test('sets what the server takes', () => {
    const { data } = z
      .object({ data: z.record(z.string(), z.string()) })
      .parse(find(resources, 'ConfigMap'));
    const secret = Object.fromEntries(container.env.map(({ name }) => [name, 'secret']));
    const image = { HOME: installed.home, NIXERY_STATE_DIR: `${installed.home}/state` };
    expect(settingProblems({ ...image, ...data, ...secret })).toEqual([]);
    expect(Number(data['PORT'])).toBe(container.ports[0]?.containerPort);
  });

  test('names only what is there', () => {
    const names = resources.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names).toEqual(
      expect.arrayContaining([
        `ServiceAccount ${pod.serviceAccountName}`,
        ...container.envFrom.map(({ configMapRef }) => `ConfigMap ${configMapRef.name}`),
      ]),
    );
    const mounted = container.volumeMounts.map(({ name }) => name);
    expect(mounted.toSorted()).toEqual(pod.volumes.map(({ name }) => name).toSorted());
  });

  test('has the same labels where one thing looks for another', () => {
    const service = z
      .object({
        spec: z.object({
          selector: z.record(z.string(), z.string()),
          ports: z.array(z.object({ targetPort: z.string() })),
        }),
      })
      .parse(find(resources, 'Service'));
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(template.metadata.labels).toMatchObject(service.spec.selector);
    const ports = container.ports.map(({ name }) => name);
    expect(ports).toEqual(service.spec.ports.map(({ targetPort }) => targetPort));
  });

  test('asks the server whether it lives and whether it is ready', () => {
    const { livenessProbe, readinessProbe, startupProbe } = container;
    expect(startupProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    // Nix may take 10 s to answer, and says so then.
    expect(readinessProbe.timeoutSeconds).toBeGreaterThan(10);
  });

  test('gives it the time to stop', () => {
    const [program, seconds] = container.lifecycle.preStop.exec.command;
    expect(program).toBe('sleep');
    const left = pod.terminationGracePeriodSeconds - Number(seconds);
    expect(left).toBeGreaterThanOrEqual(minimumStopSeconds);
  });

  test('is what the restricted security standard of pods allows, and writes to its volumes alone', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const places = container.volumeMounts.map(({ mountPath }) => mountPath);
    expect(places.toSorted()).toEqual(['/nix', '/tmp', installed.home]);
  });
});

test('a folder is served by one server at a time', () => {
  const resources = render('filesystem');
  const { replicas, strategy, template } = deployment(resources);
  expect({ replicas, strategy }).toEqual({ replicas: 1, strategy: { type: 'Recreate' } });
  const claimName = find(resources, 'PersistentVolumeClaim').metadata.name;
  expect(template.spec.volumes).toContainEqual({
    name: 'data',
    persistentVolumeClaim: { claimName },
  });
});

test.each(buckets)('%s: several servers, one of which may be missing', (variant) => {
  const resources = render(variant);
  expect(find(resources, 'HorizontalPodAutoscaler')).toMatchObject({
    spec: {
      scaleTargetRef: { kind: 'Deployment', name: find(resources, 'Deployment').metadata.name },
      minReplicas: 2,
    },
  });
  // With a number here each change of anything would undo what the autoscaler did.
  expect(deployment(resources).replicas).toBeUndefined();
  expect(find(resources, 'PodDisruptionBudget')).toMatchObject({
    spec: { maxUnavailable: 1, selector: deployment(resources).selector },
  });
});

describe('what Kubernetes does not take is found:', () => {
  const [first] = render('s3');
  test.each([
    { what: 'an unknown field', change: { automountServiceAccountTokens: false } },
    { what: 'another type', change: { automountServiceAccountToken: 'no' } },
    { what: 'another kind', change: { kind: 'ServiceAcount' } },
  ])('$what', ({ change }) => {
    if (first === undefined) throw new Error('nothing was rendered');
    expect(typeProblems([{ ...first, ...change }])).toHaveLength(1);
  });
});
