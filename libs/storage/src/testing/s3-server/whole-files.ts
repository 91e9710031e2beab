import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';

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
  putPart(bucket: string, id: string, number: string, content: Readable): Promise<Stored>;
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

  store.putPart = async (bucket, id, number, content) => {
    const file = temporary(bucket);
    const stored = await write(content, file);
    const path = join(uploadFolder(bucket, id), number);
    await writeFile(`${path}.md5`, stored.md5);
    await rename(file, path);
    return stored;
  };

  // The ETag is a hash of the parts' hashes, and their number
  // (docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
  store.putObjectMultipart = async (bucket, id, parts) => {
    const folder = uploadFolder(bucket, id);
    const key = await readFile(join(folder, 'key'), 'utf8');
    const metadata = metadataSchema.parse(
      JSON.parse(await readFile(join(folder, 'metadata'), 'utf8')),
    );
    const hash = createHash('md5');
    const names = parts
      .toSorted((one, other) => one.number - other.number)
      .map(({ number }) => join(folder, String(number)));
    for (const name of names) {
      hash.update(Buffer.from(await readFile(`${name}.md5`, 'utf8'), 'hex'));
    }
    const file = temporary(bucket);
    const size = await concatenate(names, file);
    const md5 = `${hash.digest('hex')}-${parts.length}`;
    await publish({ bucket, key, metadata }, file, md5);
    await rm(folder, { recursive: true, force: true });
    return { size, md5 };
  };
}

/** @returns bytes of all together */
async function concatenate(names: readonly string[], file: string): Promise<number> {
  // Once for all: fresh memory costs more than copying. As large as a part mostly is: each call goes to another thread and back.
  const buffer = Buffer.allocUnsafeSlow(8 * 1024 * 1024);
  await using output = await open(file, 'wx');
  let size = 0;
  for (const name of names) {
    await using input = await open(name);
    for (;;) {
      const { bytesRead } = await input.read(buffer);
      if (bytesRead === 0) break;
      const { bytesWritten } = await output.write(buffer, 0, bytesRead);
      if (bytesWritten < bytesRead) throw new Error(`cannot write all of ${file}`);
      size += bytesRead;
    }
  }
  return size;
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
