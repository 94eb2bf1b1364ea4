import type { Answer } from './exchange.ts';

/**
 * A refusal as ServiceNow words it: `{"error":{"message","detail"},"status":"failure"}`.
 * Actions throw it; the server turns it into the answer.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly status: number;
  readonly detail: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    detail: string | null = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.detail = detail;
    this.headers = headers;
  }

  toAnswer(): Answer {
    return {
      status: this.status,
      headers: this.headers,
      json: { error: { message: this.message, detail: this.detail }, status: 'failure' },
    };
  }
}

export const noSuchResource = () => new Failure(400, 'Requested URI does not represent any resource');

export const invalidTable = (name: string) => new Failure(400, `Invalid table ${name}`);

export const noRecordFound = () =>
  new Failure(404, 'No Record found', "Record doesn't exist or ACL restricts the record retrieval");

export const notAuthenticated = () =>
  new Failure(401, 'User Not Authenticated', 'Required to provide Auth information', {
    'WWW-Authenticate': 'Basic realm="Service-now"',
    Connection: 'close',
  });
