import { RecordRefused } from '../store/refusals.ts';
import type { Answer } from './exchange.ts';

/**
 * A refusal as ServiceNow words it: `{"error":{"message","detail"},"status":"failure"}`.
 * Actions throw it; the server converts it into the answer.
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

/** 400: no API has this path. */
export const noSuchResource = () => new Failure(400, 'Requested URI does not represent any resource');

/** 400: no table has this name. */
export const invalidTable = (name: string) => new Failure(400, `Invalid table ${name}`);

/** 404: no such record, or one that the user may not see. */
export const noRecordFound = () =>
  new Failure(404, 'No Record found', "Record doesn't exist or ACL restricts the record retrieval");

/** The instance cancels a transaction that runs longer than its quota. */
export const transactionCancelled = () =>
  new Failure(
    500,
    'Transaction cancelled: maximum execution time exceeded',
    'Transaction cancelled: maximum execution time exceeded Check logs for error trace or enable ' +
      'glide.rest.debug property to verify REST request processing',
  );

/** 401: the credentials are missing or wrong. */
export const notAuthenticated = () =>
  new Failure(401, 'User Not Authenticated', 'Required to provide Auth information', {
    'WWW-Authenticate': 'Basic realm="Service-now"',
    Connection: 'close',
  });

/** An answer as the load balancer in front of the instance gives it: HTML, and none of the instance's own headers. */
export function htmlPage(status: number, title: string, text: string): Answer {
  const html = `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1><p>${text}</p></body></html>`;
  return {
    status,
    bare: true,
    headers: {
      'Content-Type': 'text/html',
      Connection: 'close',
      'Set-Cookie': 'BIGipServerpool_emulator=2441876746.33342.0000; path=/; Httponly; Secure',
    },
    bytes: Buffer.from(html),
  };
}

/** Runs the work; what it throws becomes the answer that an instance would give. */
export async function answerOf(run: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof Failure) return cause.toAnswer();
    if (cause instanceof RecordRefused) return new Failure(403, 'Operation Failed', cause.message).toAnswer();
    // A defect of the emulator itself: the caller gets an instance's 500, the console gets the trace.
    console.error(cause);
    return new Failure(
      500,
      cause instanceof Error ? cause.message : String(cause),
      'Check logs for error trace or enable glide.rest.debug property to verify REST request processing',
    ).toAnswer();
  }
}
