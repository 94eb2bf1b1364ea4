import type { Exchange } from './exchange.ts';
import { Failure } from './failure.ts';

const offered = /\*\/\*|\b(application|text)\/(\*|json|xml)/;
const understood = /^\s*(application|text)\/(json|xml)\b/;

/**
 * Refuses what neither JSON nor XML would satisfy. A missing Accept is taken as anything: the documentation asks
 * for one, recorded calls did without.
 * @throws Failure 406
 */
export function requireAcceptable(exchange: Exchange): void {
  const accept = exchange.headers.accept;
  if (accept && !offered.test(accept)) throw new Failure(406, 'Not Acceptable');
}

/**
 * Refuses a body that says it is neither JSON nor XML.
 * @throws Failure 415
 */
export function requireUnderstood(exchange: Exchange): void {
  const type = exchange.headers['content-type'];
  if (type && exchange.body.length > 0 && !understood.test(type))
    throw new Failure(415, 'Unsupported Media Type');
}
