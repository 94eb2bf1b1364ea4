import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { refuseForeign } from '../../../foreign-request.ts';
import { failedOutcome, type Invocation, type InvocationOutcome, maxPayloadBytes } from '../invocation.ts';

type Delivery = {
  readonly invocation: Invocation;
  readonly deadlineMs: number;
  readonly resolve: (outcome: InvocationOutcome) => void;
};

/**
 * The Runtime API for one runtime process: it hands out invocations one at a time and takes their answers.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export class RuntimeApi {
  /** Resolves when the process asks for its first invocation: `initialised`, or with what it said when its init failed. */
  readonly initialised: Promise<InvocationOutcome | undefined>;
  readonly #server: Server;
  #resolveInit: (failure: InvocationOutcome | undefined) => void = () => {};
  #waiting: ServerResponse | undefined;
  #delivery: Delivery | undefined;
  #onNext: (() => void) | undefined;

  constructor() {
    this.initialised = new Promise((resolve) => {
      this.#resolveInit = resolve;
    });
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(asError(error)));
    });
    refuseForeign(this.#server);
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
  }

  /** Listens on a free port of 127.0.0.1. @returns `host:port` */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The Runtime API has no port');
    return `127.0.0.1:${address.port}`;
  }

  /** Hands `invocation` to the process and waits for its answer; never more than one at a time. */
  deliver(invocation: Invocation, deadlineMs: number): Promise<InvocationOutcome> {
    return new Promise((resolve) => {
      this.#delivery = { invocation, deadlineMs, resolve };
      this.#handOut();
    });
  }

  /** Resolves when the process asks for another invocation: only then is it idle. */
  idle(): Promise<void> {
    if (this.#waiting !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onNext = resolve;
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace('/2018-06-01/runtime/', '');
    if (path === 'invocation/next') return this.#next(response);
    const body = await readBody(request);
    if (path === 'init/error') this.#resolveInit({ payload: body, functionError: 'Unhandled' });
    else if (path.endsWith('/error')) this.#resolveDelivery({ payload: body, functionError: 'Unhandled' });
    else if (body.length > maxPayloadBytes) this.#resolveDelivery(responseTooLarge());
    else this.#resolveDelivery({ payload: body });
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
  }

  #next(response: ServerResponse): void {
    this.#waiting = response;
    this.#resolveInit(undefined);
    this.#onNext?.();
    this.#handOut();
  }

  #resolveDelivery(outcome: InvocationOutcome): void {
    const delivery = this.#delivery;
    this.#delivery = undefined;
    delivery?.resolve(outcome);
  }

  #handOut(): void {
    if (this.#waiting === undefined || this.#delivery === undefined) return;
    const { invocation, deadlineMs } = this.#delivery;
    this.#waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.requestId,
      'lambda-runtime-deadline-ms': String(deadlineMs),
      'lambda-runtime-invoked-function-arn': invocation.invokedFunctionArn,
      'lambda-runtime-trace-id': traceId(invocation.requestId, deadlineMs),
      ...(invocation.clientContext && {
        'lambda-runtime-client-context': Buffer.from(invocation.clientContext, 'base64').toString(),
      }),
    });
    this.#waiting.end(invocation.event);
    this.#waiting = undefined;
  }
}

function responseTooLarge(): InvocationOutcome {
  return failedOutcome(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${maxPayloadBytes} bytes).`,
  );
}

function traceId(requestId: string, deadlineMs: number): string {
  const random = requestId.replaceAll('-', '').slice(0, 24);
  return `Root=1-${Math.floor(deadlineMs / 1000).toString(16)}-${random};Sampled=0`;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
