/** Codes of sys_import_set_row_error. */
export type RowErrorCode = '100' | '200' | '300' | '800' | '900';

/** What one transform map made of one staging row. */
export type Outcome = {
  readonly state: 'inserted' | 'updated' | 'ignored' | 'skipped' | 'error';
  /** The target record, when there is one. */
  readonly sysId?: string;
  /** Becomes sys_import_state_comment, and `status_message` in the answer. */
  readonly comment: string;
  /** For `error`: becomes `error_message` in the answer. */
  readonly error?: { readonly code: RowErrorCode; readonly message: string };
  /** Keys that a transform script added to the answer. */
  readonly extra?: Readonly<Record<string, string>>;
};

/** Ends the transform of one row with the state `error`. */
export class RowRejected extends Error {
  override readonly name = 'RowRejected';
  readonly code: RowErrorCode;

  constructor(code: RowErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
