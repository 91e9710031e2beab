/** Where in a distributed trace a request stands. */
export interface TraceContext {
  /** The whole trace: 32 hex digits. */
  readonly traceId: string;
  /** The span of whoever sent the request: 16 hex digits. */
  readonly parentId: string;
}

/** Later versions may have more after another dash; version 00 has not. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ZEROS = /^0+$/;

/**
 * Reads a `traceparent` header; what the specification says to ignore is undefined. `tracestate` is for those who make
 * spans of their own, which this server does not.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function parseTraceparent(header: string): TraceContext | undefined {
  const [, version = '', traceId = '', parentId = '', more] = TRACEPARENT.exec(header) ?? [];
  if (version === '' || version === 'ff') return undefined;
  if (version === '00' && more !== undefined) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(parentId)) return undefined;
  return { traceId, parentId };
}
