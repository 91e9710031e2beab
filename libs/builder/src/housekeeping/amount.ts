/** A number of blobs and what they take (bytes). */
export interface Amount {
  readonly count: number;
  readonly bytes: number;
}

export function amountOf(blobs: Iterable<{ readonly size: number }>): Amount {
  let count = 0;
  let bytes = 0;
  for (const { size } of blobs) {
    count += 1;
    bytes += size;
  }
  return { count, bytes };
}
