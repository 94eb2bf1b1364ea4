import { ConnectorError } from '../core/errors.ts';
import { tableName } from '../servicenow/names.ts';

/** The path names nothing that we or ServiceNow serve. */
export class NoSuchResourceError extends ConnectorError {
  override readonly name: string = 'NoSuchResourceError';
  override readonly code = 'NO_SUCH_RESOURCE';
  override readonly ownAnswer = { status: 400, title: 'Requested URI does not represent any resource' };

  constructor(path: string) {
    super(
      `${path.slice(0, 200)}: expected /api/now[/v1|/v2]/{table|stats|import|attachment|cmdb/instance}/…`,
    );
  }
}

/** The path names a sys_id that cannot be one: an instance answers as for a record that does not exist. */
export class NoRecordError extends ConnectorError {
  override readonly name: string = 'RecordNotFoundError';
  override readonly code = 'RECORD_NOT_FOUND';
  override readonly ownAnswer = { status: 404, title: 'No Record found' };

  constructor() {
    super("Record doesn't exist or ACL restricts the record retrieval");
  }
}

/** The path names a table that no instance can have: answered as an instance answers for a table that it does not have. */
export class InvalidTableError extends ConnectorError {
  override readonly name: string = 'InvalidTableError';
  override readonly code = 'INVALID_TABLE';
  override readonly ownAnswer;

  constructor(table: string) {
    super(`tableName: ${tableName.rule}`);
    this.ownAnswer = { status: 400, title: `Invalid table ${table.slice(0, 100)}` };
  }
}

/** The caller asks for a form of answer that we do not write. */
export class NotAcceptableError extends ConnectorError {
  override readonly name: string = 'NotAcceptableError';
  override readonly code = 'NOT_ACCEPTABLE';
  override readonly ownAnswer = { status: 406, title: 'Not acceptable' };

  constructor(accept: string) {
    super(`accept: only application/json is supported, not ${accept.slice(0, 100)}`);
  }
}

/** The body is in a form that we do not read. */
export class UnsupportedMediaTypeError extends ConnectorError {
  override readonly name: string = 'UnsupportedMediaTypeError';
  override readonly code = 'UNSUPPORTED_MEDIA_TYPE';
  override readonly ownAnswer = { status: 415, title: 'Unsupported media type' };

  constructor(header: string, value: string, expected = 'application/json in UTF-8, not compressed') {
    super(`${header}: ${value.slice(0, 100)} is not supported; send ${expected}`);
  }
}

/** One call of a batch is larger than an instance takes. */
export class PartTooLargeError extends ConnectorError {
  override readonly name: string = 'PartTooLargeError';
  override readonly code = 'PART_TOO_LARGE';
  override readonly ownAnswer = { status: 413, title: 'Request too large' };

  constructor(maxBytes: number) {
    super(`body: must not exceed ${maxBytes / 1_048_576} MB inside a batch; send it as a separate call`);
  }
}

/** The method needs a permission that this way of calling it does not have. */
export class MethodNotAllowedError extends ConnectorError {
  override readonly name: string = 'MethodNotAllowedError';
  override readonly code = 'METHOD_NOT_ALLOWED';
  override readonly ownAnswer = { status: 403, title: 'Method not allowed' };
}
