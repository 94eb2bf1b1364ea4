import { parseRetryAfter } from '../../core/retry-timing.ts';
import {
  InstanceAsleepError,
  InstanceUnavailableError,
  NotAuthenticatedError,
  NotServiceNowError,
  RequestRefusedError,
  ThrottledError,
} from '../errors.ts';
import type { FailedAnswer, ServiceNowError } from '../service-now-error.ts';
import type { WireAnswer } from '../transport/exchange.ts';
import { timeOf } from '../transport/exchange.ts';
import { type ClassifiedCall, describeCall, effectOf, failureOf, isRead, lost } from './failure.ts';
import { classifyRefusal, errorIn } from './refusal.ts';

/** An answer that means success. */
export type Accepted = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

const noText = { message: '', detail: '' };

/**
 * Decides whether an answer means success: by its content type before it is parsed, by its body before its status.
 * @param nowMs our own time, in milliseconds since the Unix epoch
 * @throws ServiceNowError of the matching kind
 */
export function classifyAnswer(call: ClassifiedCall, answer: WireAnswer, nowMs: number): Accepted {
  const { status, headers } = answer;
  const retryAfterMs = parseRetryAfter(headers['retry-after'], timeOf(headers, nowMs));
  if (call.expects === 'bytes' && status === 200 && 'x-attachment-metadata' in headers) return answer;
  if (answer.body.byteLength === 0) return classifyEmpty(call, answer, retryAfterMs);
  if (isRedirect(status) || !isJson(headers['content-type'])) {
    throw classifyPage(call, { status, headers, body: undefined }, answer.body, retryAfterMs);
  }
  const parsed: FailedAnswer = { status, headers, body: parse(call, answer) };
  const error = errorIn(parsed.body);
  if (!error && isForeignRefusal(answer)) throw classifyPage(call, parsed, answer.body, retryAfterMs);
  if (error || status >= 400) throw classifyRefusal(call, parsed, error ?? noText, retryAfterMs);
  if (status === 202) throw lost(call, parsed, 'was accepted for later processing (202), without a result');
  return parsed;
}

/** 204, or a write whose record we may not read or did not ask for (docs/servicenow-contract.md 1.2, 4.1). A read must have a body. */
function classifyEmpty(
  call: ClassifiedCall,
  { status, headers }: WireAnswer,
  retryAfterMs: number | undefined,
): Accepted {
  const answer: FailedAnswer = { status, headers, body: undefined };
  if (isRedirect(status) || isForeignRefusal(answer))
    throw classifyPage(call, answer, new Uint8Array(), retryAfterMs);
  if (status >= 400) throw classifyRefusal(call, answer, noText, retryAfterMs);
  if (status === 202) throw lost(call, answer, 'was accepted for later processing (202), without a result');
  if (isRead(call) && call.method !== 'HEAD' && status !== 204)
    throw lost(call, answer, `answered ${status} without a body`);
  return answer;
}

const servicenowHeaders = ['x-transaction-id', 'x-is-logged-in'];

/**
 * A firewall or gateway may refuse in JSON too: without ServiceNow's envelope, and without the headers that ServiceNow always
 * sends (docs/servicenow-contract.md 1.5), so that its 404 says nothing about a record. A 401 is excepted: ServiceNow sends
 * it without those headers, and taking it for another's would keep on sending refused credentials.
 */
function isForeignRefusal({ status, headers }: Pick<WireAnswer, 'status' | 'headers'>): boolean {
  if (status < 400 || status >= 500 || status === 401 || status === 429) return false;
  const isServiceNow = servicenowHeaders.some((name) => name in headers);
  return !isServiceNow && !/servicenow|snow_adc/i.test(headers['server'] ?? '');
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType?.trim() ?? '');
}

function parse(call: ClassifiedCall, { status, headers, body }: WireAnswer): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    // The parser's message quotes the text, so it is not kept as the cause.
    const answer = { status, headers, body: undefined };
    throw lost(call, answer, `answered ${status} with JSON that is cut off or damaged`);
  }
}

/** How much of a page is searched. */
const searchedBytes = 8 * 1024;

const marksOfOthers =
  /SAMLRequest|<form|type="password"|sign in|log ?in|single sign|access denied|request (was )?blocked|captcha|firewall|incident id|support id|cloudflare|akamai|incapsula|squid/i;

/** Statuses that mean this call is too large, whether an instance or a proxy sends them (docs/servicenow-contract.md 1.4): no other call is affected. */
const tooLarge = new Set([413, 414, 431]);

/**
 * Names what answered when it was not the REST API, as the content type shows. Which of the outages it is follows from
 * status, headers and, last, the page itself (docs/servicenow-contract.md 8.4).
 */
function classifyPage(
  call: ClassifiedCall,
  answer: FailedAnswer,
  page: Uint8Array,
  retryAfterMs: number | undefined,
): ServiceNowError {
  const { status } = answer;
  const failure = failureOf(call, answer, { retryAfterMs, effect: effectOf(call, status >= 500) });
  const where = `${describeCall(call)}: ${status}`;
  if (status === 429)
    return new ThrottledError(`${where} too many requests; wait, and send fewer at the same time`, failure);
  if (status === 401 && /service-?now/i.test(answer.headers['www-authenticate'] ?? ''))
    return new NotAuthenticatedError(`${where} User Not Authenticated`, failure);
  if (status >= 500) {
    const message = `${where} with a page; the instance is restarting or overloaded`;
    return new InstanceUnavailableError(message, failure);
  }
  if (tooLarge.has(status))
    return new RequestRefusedError(`${where}: the call is too large; split it`, failure);
  const { advice } = NotServiceNowError.prototype;
  if (isRedirect(status))
    return new NotServiceNowError(`${where} redirect to ${targetOf(answer)}; ${advice}`, failure);
  const text = Buffer.from(page.subarray(0, searchedBytes)).toString('latin1');
  if (status >= 400 || (!/hibernat/i.test(text) && isFromElsewhere(answer, text)))
    return new NotServiceNowError(
      `${where} with an answer that is not from ServiceNow’s API; ${advice}`,
      failure,
    );
  return new InstanceAsleepError(
    `${where} with a page; the instance is hibernating until a person signs in to it`,
    failure,
  );
}

/** A page that ServiceNow itself rendered carries its session headers: that is a login page, not a sleeping instance. */
function isFromElsewhere(answer: FailedAnswer, text: string): boolean {
  return 'x-is-logged-in' in answer.headers || marksOfOthers.test(text);
}

function targetOf(answer: FailedAnswer): string {
  return URL.parse(answer.headers['location'] ?? '')?.host ?? 'another place';
}
