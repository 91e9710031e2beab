import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { letGo, readBody } from '../body.ts';
import { Assembly } from './assembly.ts';

type Metadata = Readonly<Record<string, string>>;

interface StoredObject {
  readonly bucket: string;
  readonly key: string;
  readonly content: Readable | Buffer;
  readonly metadata: Metadata;
}

/** What was stored: its size in bytes, and what its ETag is. */
interface Stored {
  readonly size: number;
  readonly md5: string;
}

/** The part of s3rver's store of files that writes. */
export interface FileStore {
  getResourcePath(bucket: string, key: string | undefined, resource: string): string;
  putMetadata(bucket: string, key: string, metadata: Metadata, md5: string): Promise<void>;
  putObject(object: StoredObject): Promise<Stored>;
  putPart(bucket: string, id: string, number: string, content: IncomingMessage): Promise<Stored>;
  putObjectMultipart(
    bucket: string,
    id: string,
    parts: readonly { readonly number: number }[],
  ): Promise<Stored>;
}

const metadataSchema = z.record(z.string(), z.string());

/**
 * Has s3rver write as S3 does. By itself it writes into the file that is read, and answers before it has written all: a part
 * that is sent twice, or an object that is read at once, then has other bytes.
 */
export function writeWhole(store: FileStore): void {
  function uploadFolder(bucket: string, id: string): string {
    return join(store.getResourcePath(bucket, undefined, 'uploads'), id);
  }

  /** The object comes last: whoever sees it sees its metadata. */
  async function publish(
    { bucket, key, metadata }: Omit<StoredObject, 'content'>,
    file: string,
    md5: string,
  ): Promise<void> {
    const path = store.getResourcePath(bucket, key, 'object');
    await mkdir(dirname(path), { recursive: true });
    await store.putMetadata(bucket, key, metadata, md5);
    await rename(file, path);
  }

  /** Beside the bucket, whose listings trip over files that go. */
  function temporary(bucket: string): string {
    return join(dirname(dirname(store.getResourcePath(bucket, undefined, ''))), randomUUID());
  }

  store.putObject = async (object) => {
    const file = temporary(object.bucket);
    const stored = await write(object.content, file);
    await publish(object, file, stored.md5);
    return stored;
  };

  const assemblies = new Map<string, Assembly>();

  function assemblyOf(bucket: string, id: string): Assembly {
    const folder = uploadFolder(bucket, id);
    const assembly = assemblies.get(folder) ?? new Assembly(folder);
    assemblies.set(folder, assembly);
    return assembly;
  }

  store.putPart = async (bucket, id, number, content) => {
    const hash = createHash('md5');
    const bytes = await readBody(content, (chunk) => hash.update(chunk));
    if (bytes === null) throw new Error('the part did not come whole');
    const md5 = hash.digest('hex');
    try {
      await assemblyOf(bucket, id).put(Number(number), bytes, md5);
      return { size: bytes.length, md5 };
    } finally {
      letGo(bytes);
    }
  };

  store.putObjectMultipart = async (bucket, id, parts) => {
    const folder = uploadFolder(bucket, id);
    const key = await readFile(join(folder, 'key'), 'utf8');
    const metadata = metadataSchema.parse(
      JSON.parse(await readFile(join(folder, 'metadata'), 'utf8')),
    );
    const numbers = parts.map(({ number }) => number);
    const { file, md5, size } = await assemblyOf(bucket, id).complete(numbers);
    await publish({ bucket, key, metadata }, file, md5);
    assemblies.delete(folder);
    await rm(folder, { recursive: true, force: true });
    return { size, md5 };
  };
}

async function write(content: Readable | Buffer, file: string): Promise<Stored> {
  const hash = createHash('md5');
  let size = 0;
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const chunk of Buffer.isBuffer(content) ? [content] : content) {
      if (!Buffer.isBuffer(chunk)) continue;
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  await pipeline(hashed(), createWriteStream(file));
  return { size, md5: hash.digest('hex') };
}
