export type LayerErrorCode =
  /** A file whose name starts with `.wh.`: clients would take it for a whiteout. */
  | 'whiteout'
  /** A socket, device or pipe: nothing that a store path may hold. */
  | 'unsupported-file'
  /** A file that grew or shrank while it was read. */
  | 'changed'
  /** A store path, or the folder of the spool file, that is not there. */
  | 'missing'
  /** The disk that holds the spool file is full. */
  | 'no-space'
  /** Any other failure of the file system; the cause has its code. */
  | 'io';

/** A layer could not be packed. */
export class LayerError extends Error {
  override readonly name = 'LayerError';
  readonly code: LayerErrorCode;
  /** The file concerned, where there is one; bytes that are not UTF-8 are shown as U+FFFD. */
  readonly path: string | undefined;

  constructor(code: LayerErrorCode, message: string, path?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}

/**
 * A failure in a form that survives structured cloning: worker pools hand thrown subclasses of Error over as plain
 * Errors, without their code.
 */
export interface LayerFailure {
  readonly ok: false;
  readonly code: LayerErrorCode;
  readonly message: string;
  readonly path: string | undefined;
}

/**
 * Turns what packing threw into a failure to return.
 *
 * @throws whatever is neither a {@link LayerError} nor a system error: a mistake in the program, not a failed packing.
 */
export function toLayerFailure(error: unknown): LayerFailure {
  const layerError = error instanceof LayerError ? error : fromSystemError(error);
  return {
    ok: false,
    code: layerError.code,
    message: layerError.message,
    path: layerError.path,
  };
}

function fromSystemError(error: unknown): LayerError {
  if (!isSystemError(error)) throw error;
  return new LayerError(codeOf(error), error.message, error.path, { cause: error });
}

function codeOf(error: NodeJS.ErrnoException): LayerErrorCode {
  switch (error.code) {
    case 'ENOENT':
      return 'missing';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'no-space';
    default:
      return 'io';
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error && 'syscall' in error;
}
