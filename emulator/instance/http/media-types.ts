import type { Exchange } from './exchange.ts';
import { Failure } from './failure.ts';
import type { Action } from './router.ts';

const offered = /\*\/\*|\b(application|text)\/(\*|json|xml)/;
const understood = {
  jsonOrXml: /^\s*(application|text)\/(json|xml)\b/,
  json: /^\s*(application|text)\/json\b/,
} as const;

/** An action whose answer is JSON or XML, and that is sent one of these too unless only JSON will do. */
export function negotiated(action: Action, takes: keyof typeof understood = 'jsonOrXml'): Action {
  return (exchange, state) => {
    if (state.switches.requireMediaTypes) requireNamed(exchange);
    requireAcceptable(exchange);
    requireUnderstood(exchange, understood[takes]);
    return action(exchange, state);
  };
}

/** @throws Failure 400 when a header is missing that the documentation asks for. */
function requireNamed({ headers, body }: Exchange): void {
  const missing = [
    ...(headers.accept ? [] : ['Accept']),
    ...(headers['content-type'] || body.length === 0 ? [] : ['Content-Type']),
  ];
  if (missing.length > 0) throw new Failure(400, 'Bad Request', `Missing header: ${missing.join(', ')}`);
}

/**
 * Refuses what neither JSON nor XML would satisfy. A missing Accept is taken as anything: the documentation asks
 * for one, recorded calls did without.
 * @throws Failure 406
 */
function requireAcceptable(exchange: Exchange): void {
  const accept = exchange.headers.accept;
  if (accept && !offered.test(accept)) throw new Failure(406, 'Not Acceptable');
}

/**
 * Refuses a body that says it is something else.
 * @throws Failure 415
 */
function requireUnderstood(exchange: Exchange, understood: RegExp): void {
  const type = exchange.headers['content-type'];
  if (type && exchange.body.length > 0 && !understood.test(type))
    throw new Failure(415, 'Unsupported Media Type');
}
