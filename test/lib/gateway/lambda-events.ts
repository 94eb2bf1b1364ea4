import type { Context } from 'aws-lambda';

/** What a test wants to send to a function through API Gateway. */
export type TestRequest = {
  readonly method?: string;
  /** With the query string, as it would stand in a browser's address bar. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
  readonly domainName?: string;
  readonly stage?: string;
};

/** An API Gateway HTTP API event of payload format 2.0, as AWS documents it, cut to what is of use. */
export function httpEvent(request: TestRequest) {
  const [rawPath = '', rawQueryString = ''] = request.url.split(/\?(.*)/s);
  const { domainName = 'abc123.execute-api.eu-west-1.amazonaws.com', stage = '$default' } = request;
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: { host: domainName, 'x-forwarded-proto': 'https', ...request.headers },
    requestContext: { http: { method: request.method ?? 'GET' }, domainName, stage, requestId: 'gateway-1' },
    ...(request.body !== undefined && { body: request.body }),
    isBase64Encoded: request.isBase64Encoded ?? false,
  };
}

/** Lambda's context with this much time left. */
export function lambdaContext(remainingMs = 29_000): Context {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: 'test',
    functionVersion: '1',
    invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:test',
    memoryLimitInMB: '512',
    awsRequestId: 'invocation-1',
    logGroupName: 'test',
    logStreamName: 'test',
    getRemainingTimeInMillis: () => remainingMs,
    done() {},
    fail() {},
    succeed() {},
  };
}
