import * as z from 'zod';
import type { InvocationOutcome } from '../invocation.ts';

/** What goes back over the wire. */
export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
};

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const answerSchema = z.object({
  statusCode: z.coerce.number().int().min(100).max(599),
  headers: z.record(z.string(), scalar).nullish(),
  cookies: z.array(z.string()).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

/** Headers that belong to the connection and not to the function. */
const connectionHeaders = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** An answer of API Gateway itself, e.g. `{"message":"Not Found"}`. */
export function gatewayAnswer(status: number, message: string): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ message })),
  };
}

/** An answer of what stands in front of API Gateway: a page, whatever the client accepts. */
export function gatewayPage(status: number, reason: string): HttpAnswer {
  const title = `${status} ${reason}`;
  return {
    status,
    headers: { 'content-type': 'text/html' },
    body: Buffer.from(
      `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`,
    ),
  };
}

/**
 * The HTTP answer that an HTTP API makes of what a function returned: an object with `statusCode` as it says, anything else as JSON
 * with status 200, and 500 for a function that failed or returned something that is neither.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function httpAnswer({ payload, functionError }: InvocationOutcome): HttpAnswer {
  if (functionError !== undefined) return gatewayAnswer(500, 'Internal Server Error');
  const returned: unknown = JSON.parse(payload.toString() || 'null');
  if (!hasStatusCode(returned)) return inferredAnswer(returned);
  const { data } = answerSchema.safeParse(returned);
  if (data === undefined) return gatewayAnswer(500, 'Internal Server Error');
  return {
    status: data.statusCode,
    headers: answerHeaders(data.headers ?? {}, data.cookies ?? []),
    body: Buffer.from(data.body ?? '', data.isBase64Encoded ? 'base64' : 'utf8'),
  };
}

function hasStatusCode(returned: unknown): boolean {
  return typeof returned === 'object' && returned !== null && 'statusCode' in returned;
}

function inferredAnswer(returned: unknown): HttpAnswer {
  const body = typeof returned === 'string' ? returned : JSON.stringify(returned);
  return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
}

function answerHeaders(headers: Record<string, string | number | boolean>, cookies: string[]) {
  const entries = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), String(value)] as const)
    .filter(([name]) => !connectionHeaders.has(name));
  return {
    'content-type': 'text/plain; charset=utf-8',
    ...Object.fromEntries(entries),
    ...(cookies.length > 0 && { 'set-cookie': cookies }),
  };
}
