/** What is wrong with the documents. */
export type DocumentErrorCode = 'unknown-region' | 'unused-region' | 'unclosed-region' | 'no-limit';

/** The one error of the documents' generator. */
export class DocumentError extends Error {
  readonly code: DocumentErrorCode;

  constructor(code: DocumentErrorCode, message: string) {
    super(message);
    this.name = 'DocumentError';
    this.code = code;
  }
}
