import type { IncomingMessage } from 'node:http';
import type { LambdaService } from '../lambda-service.ts';

/** A call of the Lambda API, read whole. */
export type ApiCall = {
  readonly service: LambdaService;
  /** The decoded part of the path that names a function, an execution or a callback. */
  readonly target: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
};

export type ApiAnswer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
};

/** One action: `path` captures the target. */
export type ApiAction = {
  readonly method: string;
  readonly path: RegExp;
  /** What a role needs, without `lambda:`. */
  readonly right: string;
  /** On what it needs it. @default what the path names */
  readonly resource?: (call: ApiCall) => string;
  run(call: ApiCall): ApiAnswer | Promise<ApiAnswer>;
};

/** A failure in the form in which the Lambda API answers it. */
export class ApiFailure extends Error {
  override name = 'ApiFailure' as const;
  readonly status: number;
  /** e.g. `ResourceNotFoundException`. */
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}
