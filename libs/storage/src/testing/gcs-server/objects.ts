import { crc32c, formatCrc32c } from '../../gcs/crc32c.ts';

export interface ServedObject {
  readonly name: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly generation: number;
  readonly updated: Date;
  readonly metadata: Readonly<Record<string, string>>;
  /** In base64. */
  readonly crc32c: string;
}

/** The conditions of a request; undefined where it states none. */
export interface Preconditions {
  readonly ifGenerationMatch: string | null;
}

/** The objects of one bucket, in memory. */
export interface Objects {
  get(name: string): ServedObject | undefined;
  /** Null if the preconditions do not hold. */
  put(
    object: Pick<ServedObject, 'name' | 'bytes' | 'contentType'> & Partial<ServedObject>,
    preconditions?: Preconditions,
  ): ServedObject | null;
  delete(name: string): void;
  /** In the order of their names. */
  all(): readonly ServedObject[];
}

export function createObjects(): Objects {
  const objects = new Map<string, ServedObject>();
  let generation = 0;
  return {
    get: (name) => objects.get(name),
    put(object, preconditions) {
      if (!holds(objects.get(object.name), preconditions)) return null;
      generation += 1;
      const { crc32c = checksumOf(object.bytes), metadata = {}, updated = new Date() } = object;
      const stored = { ...object, crc32c, metadata, updated, generation };
      objects.set(object.name, stored);
      return stored;
    },
    delete(name) {
      objects.delete(name);
    },
    all: () => [...objects.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  };
}

/** Generation 0 stands for no object. */
export function holds(object: ServedObject | undefined, preconditions?: Preconditions): boolean {
  const wanted = preconditions?.ifGenerationMatch ?? null;
  return wanted === null || wanted === String(object?.generation ?? 0);
}

/** As in https://cloud.google.com/storage/docs/json_api/v1/objects#resource. */
export function resourceOf(object: ServedObject): Record<string, unknown> {
  const { name, bytes, contentType, generation, updated, metadata, crc32c } = object;
  return {
    kind: 'storage#object',
    name,
    size: String(bytes.length),
    contentType,
    generation: String(generation),
    updated: updated.toISOString(),
    metadata,
    crc32c,
  };
}

export function checksumOf(bytes: Uint8Array): string {
  return formatCrc32c(crc32c(bytes));
}
