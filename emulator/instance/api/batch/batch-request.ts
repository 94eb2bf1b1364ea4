import type * as z from 'zod';
import type { Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import { isTrue } from '../../http/flag.ts';
import { lazySchema } from '../../lazy-schema.ts';

const id = lazySchema((z) => z.union([z.string(), z.number()]).transform(String));

const item = lazySchema((z) =>
  z.object({
    id: id(),
    method: z.string().transform((method) => method.toUpperCase()),
    url: z.string(),
    headers: z.array(z.object({ name: z.string(), value: z.coerce.string() })).default([]),
    /** Base64 of whatever the item sends. */
    body: z.string().nullish(),
    exclude_response_headers: z.union([z.boolean(), z.string().transform(isTrue)]).default(false),
  }),
);

const batch = lazySchema((z) =>
  z.object({ batch_request_id: id().default(''), rest_requests: z.array(item()) }),
);

export type BatchItem = z.infer<ReturnType<typeof item>>;
export type BatchRequest = z.infer<ReturnType<typeof batch>>;

/** @throws Failure 400 when the body is no JSON, or not that of a batch. */
export function readBatch(exchange: Exchange): BatchRequest {
  const { success, data, error } = batch().safeParse(parse(exchange.body));
  if (success) return data;
  const [issue] = error.issues;
  throw unreadable(issue ? `${issue.path.join('.')}: ${issue.message}` : error.message);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause));
  }
}

const unreadable = (detail: string) => new Failure(400, 'Exception while reading request', detail);
