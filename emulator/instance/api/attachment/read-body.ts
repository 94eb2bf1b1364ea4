import type { ZodType } from 'zod';
import type { Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import { fromXml } from '../../http/xml.ts';

/** @throws Failure 400 for a body that does not parse or lacks what is required. */
export function readBody<Body>({ body, headers }: Exchange, shape: ZodType<Body>): Body {
  const { success, data, error } = shape.safeParse(
    parse(body.toString('utf8'), headers['content-type'] ?? ''),
  );
  if (success) return data;
  throw new Failure(400, 'Missing mandatory parameter', error.issues[0]?.path.join('.') ?? null);
}

function parse(text: string, contentType: string): unknown {
  try {
    return contentType.includes('xml') ? fromXml(text) : JSON.parse(text);
  } catch (cause) {
    throw new Failure(400, 'Exception while reading request', cause instanceof Error ? cause.message : null);
  }
}
