/**
 * One request and the answer that the specification wants. `{name}` in texts stands for a fact of the image that the cases
 * are run against: see `Facts`.
 */
export interface ConformanceCase {
  /** Where the specification says so: an anchor in distribution-spec 1.1's spec.md, or a whole address. */
  readonly spec: string;
  readonly title: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  /** Headers of the answer, with these values. */
  readonly has?: Readonly<Record<string, string>>;
  /** Headers that the answer must not have. */
  readonly lacks?: readonly string[];
  readonly body: ExpectedBody;
}

export type ExpectedBody =
  | { readonly kind: 'empty' }
  /** Bytes whose sha256 digest is this. */
  | { readonly kind: 'content'; readonly digest: string }
  /** That many bytes of the layer, from an offset on; a negative one counts from its end. */
  | { readonly kind: 'part'; readonly offset: number; readonly length: number }
  | { readonly kind: 'json'; readonly value: unknown }
  /** The error document, with this code. */
  | { readonly kind: 'error'; readonly code: string };

/** What is put for `{name}`. */
export interface Facts {
  /** Digest of the image's OCI manifest. */
  readonly oci: string;
  /** Digest of the same in Docker's form. */
  readonly docker: string;
  readonly config: string;
  readonly layer: string;
  /** The same, percent-encoded. */
  readonly encodedLayer: string;
  /** Of the layer, in bytes. */
  readonly size: string;
  /** The offset of its last byte. */
  readonly lastByte: string;
}

export function fill(text: string, facts: Facts): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    isFact(name, facts) ? facts[name] : whole,
  );
}

function isFact(name: string, facts: Facts): name is keyof Facts {
  return name in facts;
}

const SPEC = 'https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md';

export function specLink(spec: string): string {
  return spec.startsWith('#') ? `${SPEC}${spec}` : spec;
}

/** distribution-spec, "Error Codes". */
export const ERROR_CODES: readonly string[] = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
];
