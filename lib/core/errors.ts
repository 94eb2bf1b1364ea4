/**
 * The one error family. Every error that a caller may meet is one of these; its `code` is stable and is what logs,
 * metrics, dead-letter attributes and direct Invoke answers carry. Messages say what was wrong, where, and what to
 * do; they never hold a secret or a whole record.
 */
export abstract class ConnectorError extends Error {
  /** Stable, upper snake case, e.g. `INVALID_INPUT`. */
  abstract readonly code: string;
  /** True when the same call may succeed later without anyone changing anything. */
  readonly retryable: boolean = false;

  /** The name of its class, spelled out: bundling shortens the names of classes, and callers of a direct Invoke go by this one. */
  abstract override readonly name: string;
}

/** A parameter, body, message or file that the caller has to change. `field` is the path that is wrong, e.g. `record.active`. */
export class InvalidInputError extends ConnectorError {
  override readonly name: string = 'InvalidInputError';
  override readonly code: string = 'INVALID_INPUT';
  readonly field: string;
  /** What is wrong with it, without its name. */
  readonly reason: string;

  constructor(field: string, reason: string, options?: { cause?: unknown }) {
    super(`${field}: ${reason}`, options);
    this.field = field;
    this.reason = reason;
  }
}

/** The deployment is set up wrongly: environment, secret or import settings. `setting` names what is wrong, never its value. */
export class ConfigurationError extends ConnectorError {
  override readonly name: string = 'ConfigurationError';
  override readonly code: string = 'CONFIGURATION_INVALID';
  readonly setting: string;

  constructor(setting: string, reason: string, options?: { cause?: unknown }) {
    super(`${setting}: ${reason}`, options);
    this.setting = setting;
  }
}

/** The table is not on the deployment's list (`allowedTables`). */
export class TableNotAllowedError extends ConnectorError {
  override readonly name: string = 'TableNotAllowedError';
  override readonly code = 'TABLE_NOT_ALLOWED';
  readonly table: string;

  constructor(table: string) {
    super(`table: this deployment does not serve ${table}; add it to allowedTables`);
    this.table = table;
  }
}

/** The caller's own signal ended a call while it was waiting; nothing of it was in flight. */
export class CallAbandonedError extends ConnectorError {
  override readonly name: string = 'CallAbandonedError';
  override readonly code = 'CALL_ABANDONED';
  override readonly retryable = true;
}

/** Time ran out before the call was made; nothing was sent by it. */
export class DeadlineExceededError extends ConnectorError {
  override readonly name: string = 'DeadlineExceededError';
  override readonly code = 'DEADLINE_EXCEEDED';
  override readonly retryable = true;
}
