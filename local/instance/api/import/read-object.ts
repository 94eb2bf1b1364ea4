import { Failure } from '../../http/failure.ts';

/**
 * The body as a JSON object.
 * @throws Failure 400 `Exception while reading request` for anything else.
 */
export function readObject(body: Buffer): Record<string, unknown> {
  const value = parse(body.toString());
  if (!isObject(value)) throw unreadable('The payload is not a JSON object');
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function unreadable(detail: string): Failure {
  return new Failure(400, 'Exception while reading request', detail);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause));
  }
}
