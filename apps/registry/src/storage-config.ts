import { z } from 'zod';

import { accepted, descriptions } from './describe.ts';
import { absolutePath, seconds, SECONDS_A_DAY } from './value-types.ts';

/** Where images are stored. */
export type StorageConfig =
  | { readonly backend: 'filesystem'; readonly path: string }
  | {
      readonly backend: 'gcs';
      readonly bucket: string;
      /** A key to sign addresses with, apart from the credentials. */
      readonly signing: { readonly keyFile: string; readonly account: string } | undefined;
    }
  | { readonly backend: 's3'; readonly bucket: string };

const BACKENDS = ['filesystem', 'gcs', 's3'] as const;
type Backend = (typeof BACKENDS)[number];

/** As lenient as the oldest bucket needs; what is meant to be caught are addresses. */
const bucketName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/,
    'must be the name of a bucket, without gs:// or s3://',
  )
  .register(accepted, { values: 'a bucket’s name' });

/** Where images are stored, and how clients get them. */
export const storageVariables = {
  NIXERY_STORAGE_BACKEND: z
    .enum(BACKENDS, 'must be filesystem, gcs or s3')
    .prefault('filesystem')
    .register(descriptions, {
      group: 'storage',
      about:
        'Where images are stored: a folder, a bucket of Google Cloud Storage, or one of S3 ([storage](storage.md)).',
      nixery: true,
      brief: 'where images are stored: `filesystem`, `gcs` (Google Cloud Storage) or `s3`',
    }),
  STORAGE_PATH: absolutePath.optional().register(descriptions, {
    group: 'storage',
    about: '`filesystem`: the folder, which is needed. Several servers may share it.',
    nixery: true,
    brief: '`filesystem`: the folder',
  }),
  GCS_BUCKET: bucketName.optional().register(descriptions, {
    group: 'storage',
    about:
      '`gcs`: the bucket, which is needed. Credentials are found as Google’s libraries do: `GOOGLE_APPLICATION_CREDENTIALS`, the metadata server.',
    nixery: true,
    brief: '`gcs`: the bucket',
  }),
  BUCKET: z.string().optional().register(descriptions, {
    group: 'storage',
    about: '`gcs`: what `GCS_BUCKET` was called before; counts where that is not set.',
    nixery: true,
  }),
  GCS_SIGNING_KEY: z.string().optional().register(descriptions, {
    group: 'storage',
    about:
      '`gcs`: a file with a service account’s private key (PEM), to sign addresses with where the credentials cannot.',
    nixery: true,
    secret: 'file',
  }),
  GCS_SIGNING_ACCOUNT: z
    .string()
    .includes('@', 'must be the e-mail address of a service account')
    .register(accepted, { values: 'an e-mail address' })
    .optional()
    .register(descriptions, {
      group: 'storage',
      about: '`gcs`: the account of that key. Both or neither.',
      nixery: true,
    }),
  S3_BUCKET: bucketName.optional().register(descriptions, {
    group: 'storage',
    about:
      '`s3`: the bucket, which is needed. Region, endpoint and credentials are found as the AWS SDK does: `AWS_REGION`, `AWS_ENDPOINT_URL_S3`, `AWS_ACCESS_KEY_ID`, …',
    brief: '`s3`: the bucket',
  }),
  NIXERY_BLOBS: z
    .enum(['redirect', 'proxy'], 'must be redirect or proxy')
    .prefault('redirect')
    .register(descriptions, {
      group: 'storage',
      about:
        '`redirect`: clients get blobs from the bucket; `proxy`: through this server, for clients that cannot reach it ([how clients get blobs](storage.md#how-clients-get-blobs)).',
    }),
  NIXERY_SCRUB_SECONDS: seconds(0, 365 * SECONDS_A_DAY)
    .prefault(String(SECONDS_A_DAY))
    .register(descriptions, {
      group: 'storage',
      about:
        '`filesystem`: the time between two readings of all blobs against their digests. 0: never.',
    }),
};

type Variables = Readonly<Record<string, string | undefined>>;

/** Those that count for one backend alone. `BUCKET` is not among them: it may be anybody's. */
const OWN_VARIABLES: Readonly<Record<Backend, readonly (keyof typeof storageVariables)[]>> = {
  filesystem: ['STORAGE_PATH'],
  gcs: ['GCS_BUCKET', 'GCS_SIGNING_KEY', 'GCS_SIGNING_ACCOUNT'],
  s3: ['S3_BUCKET'],
};

export interface StorageReading {
  /** Undefined where the variables do not tell. */
  readonly storage: StorageConfig | undefined;
  /** What is missing; what is malformed is the schema's matter. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads where images are stored, as far as those variables tell that are right. */
export function readStorage(set: Variables): StorageReading {
  const backend = storageVariables.NIXERY_STORAGE_BACKEND.safeParse(set['NIXERY_STORAGE_BACKEND']);
  if (!backend.success) return { storage: undefined, problems: [], warnings: [] };
  const problems = missing(backend.data, set);
  const storage = READERS[backend.data](set);
  return { storage, problems, warnings: unused(backend.data, set) };
}

function missing(backend: Backend, set: Variables): readonly string[] {
  switch (backend) {
    case 'filesystem':
      return set['STORAGE_PATH'] === undefined
        ? [`STORAGE_PATH is not set: name the folder that images are stored in${elsewhere(set)}`]
        : [];
    case 'gcs': {
      const name = set['GCS_BUCKET'] ?? set['BUCKET'];
      const older = set['GCS_BUCKET'] === undefined ? bucketName.safeParse(name) : undefined;
      const pair = (['GCS_SIGNING_KEY', 'GCS_SIGNING_ACCOUNT'] as const).filter(
        (name) => set[name] === undefined,
      );
      return [
        ...(name === undefined
          ? ['GCS_BUCKET is not set: name the bucket that images are stored in']
          : (older?.error?.issues ?? []).map(({ message }) => `BUCKET ${message}`)),
        ...(pair.length === 1 ? [`${pair[0]} is not set: a key and its account go together`] : []),
      ];
    }
    case 's3':
      return set['S3_BUCKET'] === undefined
        ? ['S3_BUCKET is not set: name the bucket that images are stored in']
        : [];
  }
}

/** For who has set a bucket and not that it is to be used. */
function elsewhere(set: Variables): string {
  const other = (['gcs', 's3'] as const).find((backend) =>
    OWN_VARIABLES[backend].some((name) => set[name] !== undefined),
  );
  return other === undefined ? '' : `, or set NIXERY_STORAGE_BACKEND=${other}`;
}

const READERS: Readonly<Record<Backend, (set: Variables) => StorageConfig | undefined>> = {
  filesystem(set) {
    const path = storageVariables.STORAGE_PATH.safeParse(set['STORAGE_PATH']).data;
    return path === undefined ? undefined : { backend: 'filesystem', path };
  },
  gcs(set) {
    const name = set['GCS_BUCKET'] ?? set['BUCKET'];
    const bucket = storageVariables.GCS_BUCKET.safeParse(name).data;
    const keyFile = storageVariables.GCS_SIGNING_KEY.safeParse(set['GCS_SIGNING_KEY']).data;
    const account = storageVariables.GCS_SIGNING_ACCOUNT.safeParse(set['GCS_SIGNING_ACCOUNT']).data;
    if (bucket === undefined) return undefined;
    const signing =
      keyFile === undefined || account === undefined ? undefined : { keyFile, account };
    return { backend: 'gcs', bucket, signing };
  },
  s3(set) {
    const bucket = storageVariables.S3_BUCKET.safeParse(set['S3_BUCKET']).data;
    return bucket === undefined ? undefined : { backend: 's3', bucket };
  },
};

function unused(backend: Backend, set: Variables): readonly string[] {
  return BACKENDS.filter((other) => other !== backend)
    .flatMap((other) => OWN_VARIABLES[other])
    .filter((name) => set[name] !== undefined)
    .map((name) => `${name} is ignored: NIXERY_STORAGE_BACKEND is ${backend}`);
}
