import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';

const text = z.optional(z.string());

const httpEvent = z.object({
  version: z.literal('2.0'),
  rawPath: z.string(),
  rawQueryString: z._default(z.string(), ''),
  headers: z._default(z.record(z.string(), text), {}),
  body: text,
  isBase64Encoded: z.optional(z.boolean()),
  requestContext: z.object({
    http: z.object({ method: z.string() }),
    domainName: text,
    stage: text,
    requestId: text,
  }),
});

/** The parts of an API Gateway HTTP API event (payload format 2.0) that we read. Header names are lower-case. */
export type HttpEvent = z.output<typeof httpEvent>;

/**
 * True when an HTTP API sent the event. API Gateway alone writes the outer object of its events, so nothing that an HTTP
 * caller sends can pass for a direct Invoke, nor the other way round: `requestContext` is no parameter of any operation.
 */
export function isHttpEvent(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'requestContext' in event;
}

/** @throws InvalidInputError when the event is not of payload format 2.0 */
export function readHttpEvent(event: unknown): HttpEvent {
  const parsed = z.safeParse(httpEvent, event);
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join('.') || 'event';
    throw new InvalidInputError(field, 'not an API Gateway event of payload format 2.0');
  }
  const headers = Object.entries(parsed.data.headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { ...parsed.data, headers: Object.fromEntries(headers) };
}
