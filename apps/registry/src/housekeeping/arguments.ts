import { parseArgs } from 'node:util';

const HOUR_MS = 60 * 60 * 1000;
const AGE_UNITS: Readonly<Record<string, number>> = {
  h: HOUR_MS,
  d: 24 * HOUR_MS,
  w: 7 * 24 * HOUR_MS,
};
const SIZE_UNITS: Readonly<Record<string, number>> = {
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

export const USAGE = `Housekeeping of the storage that images are in. It is found by the server's environment variables
(NIXERY_STORAGE_BACKEND, STORAGE_PATH, GCS_BUCKET, S3_BUCKET, ...). Servers may go on using it meanwhile.

  check   read all blobs against their digests, and manifests and records against what they name
          --quick        do not read layers
          --repair       remove damaged blobs, and records that name what is missing: servers make them anew

  gc      find what can be removed: blobs of no image, and of the images that the options let go of
          --max-age AGE    images that nobody has pulled for so long: 12h, 30d, 8w
          --max-size SIZE  the least recently pulled images, until the rest takes no more: 500M, 100G, 2T
          --grace AGE      never what is younger (24h; not less)
          --delete         remove it; without this only a summary is shown

  import  bring in what another storage has: Nixery's, or another server's
          --from PLACE   a folder, gs://BUCKET or s3://BUCKET
          --copy         copy it; without this only a summary is shown

  --json  print the report as JSON

Ends with 0; with 1 where something is not as it should be; with 130 when interrupted.
`;

export type Command =
  | { readonly name: 'help' }
  | {
      readonly name: 'check';
      readonly content: boolean;
      readonly repair: boolean;
      readonly json: boolean;
    }
  | {
      readonly name: 'gc';
      /** ms, or null. */
      readonly maxAgeMs: number | null;
      /** Bytes, or null. */
      readonly maxBytes: number | null;
      readonly graceMs: number;
      readonly delete: boolean;
      readonly json: boolean;
    }
  | {
      readonly name: 'import';
      readonly from: string;
      readonly copy: boolean;
      readonly json: boolean;
    };

/** A command line that makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function parseCommand([name, ...rest]: readonly string[]): Command {
  switch (name) {
    case 'check': {
      const { json, quick, repair } = parse(rest, { quick: FLAG, repair: FLAG });
      return { name, content: quick !== true, repair: repair === true, json: json === true };
    }
    case 'gc': {
      const options = { 'max-age': TEXT, 'max-size': TEXT, grace: TEXT, delete: FLAG } as const;
      const values = parse(rest, options);
      const graceMs = ageOf('--grace', values.grace) ?? AGE_UNITS['d'] ?? 0;
      if (graceMs < 24 * HOUR_MS) {
        throw new UsageError('--grace must be at least 24h: builds rely on what is younger');
      }
      return {
        name,
        maxAgeMs: ageOf('--max-age', values['max-age']),
        maxBytes: sizeOf('--max-size', values['max-size']),
        graceMs,
        delete: values.delete === true,
        json: values.json === true,
      };
    }
    case 'import': {
      const { copy, from, json } = parse(rest, { from: TEXT, copy: FLAG });
      if (from === undefined) throw new UsageError('import needs --from, and where that is');
      return { name, from, copy: copy === true, json: json === true };
    }
    case 'help':
    case '--help':
    case '-h':
      return { name: 'help' };
    case undefined:
      throw new UsageError('say check, gc or import');
    default:
      throw new UsageError(`there is no command ${name}: say check, gc or import`);
  }
}

const FLAG = { type: 'boolean' } as const;
const TEXT = { type: 'string' } as const;

function parse<O extends Readonly<Record<string, typeof FLAG | typeof TEXT>>>(
  args: readonly string[],
  options: O,
) {
  try {
    return parseArgs({ args: [...args], options: { ...options, json: FLAG } }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function ageOf(option: string, text: string | undefined): number | null {
  return amountOf(
    text,
    AGE_UNITS,
    `${option} must be a number of hours, days or weeks: 12h, 30d, 8w`,
  );
}

function sizeOf(option: string, text: string | undefined): number | null {
  return amountOf(text, SIZE_UNITS, `${option} must be a size: 500M, 100G, 2T`);
}

function amountOf(
  text: string | undefined,
  units: Readonly<Record<string, number>>,
  mistake: string,
): number | null {
  if (text === undefined) return null;
  const [, digits = '', unit = ''] = /^(\d{1,9})([a-zA-Z])$/.exec(text) ?? [];
  const factor = units[unit];
  if (digits === '' || factor === undefined) throw new UsageError(mistake);
  return Number(digits) * factor;
}
