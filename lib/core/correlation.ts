import { randomUUID } from 'node:crypto';

const shape = /^[\w.:@/+=-]{1,128}$/;

/**
 * The id under which one piece of work is followed from its caller to ServiceNow's log. The caller's own is kept when it
 * is short and plain (no spaces or control characters, so that it can neither break a log line nor a header).
 */
export function correlationIdFrom(given: string | undefined): string {
  return given !== undefined && shape.test(given) ? given : randomUUID();
}
