import {
  type FailedAnswer,
  InstanceAsleepError,
  InstanceUnavailableError,
  NotAuthenticatedError,
  NotServiceNowError,
  RequestRefusedError,
  type ServiceNowError,
  ThrottledError,
} from '../errors.ts';
import { type ClassifiedCall, describeCall, effectOf, failureOf } from './call.ts';

/** How much of a page is looked at. */
const lookedAtBytes = 8 * 1024;

const marksOfOthers =
  /SAMLRequest|<form|type="password"|sign in|log ?in|single sign|access denied|request (was )?blocked|captcha|firewall|incident id|support id|cloudflare|akamai|incapsula|squid/i;

/**
 * Names what answered when it was not the REST API. The content type has already told that; only which of the outages it
 * is, is read from status, headers and, last, the page itself (contract 8.4).
 */
export function judgePage(
  call: ClassifiedCall,
  answer: FailedAnswer,
  page: Uint8Array,
  retryAfterMs?: number,
): ServiceNowError {
  const { status } = answer;
  const failure = failureOf(call, answer, { retryAfterMs, effect: effectOf(call, status >= 500) });
  const where = `${describeCall(call)}: ${status}`;
  if (status === 429)
    return new ThrottledError(`${where} too many requests; wait and send fewer at once`, failure);
  if (status === 401 && /service-?now/i.test(answer.headers['www-authenticate'] ?? '')) {
    return new NotAuthenticatedError(`${where} User Not Authenticated`, failure);
  }
  if (status >= 500)
    return new InstanceUnavailableError(
      `${where} with a page; the instance is restarting or overloaded`,
      failure,
    );
  if (tooLarge.has(status))
    return new RequestRefusedError(
      `${where}: the call is too large for what answered; send less at once`,
      failure,
    );
  if (status >= 300 && status < 400)
    return new NotServiceNowError(`${where} redirect to ${targetOf(answer)}; ${advice}`, failure);
  const text = Buffer.from(page.subarray(0, lookedAtBytes)).toString('latin1');
  if (status >= 400 || (!/hibernat/i.test(text) && isSomebodyElse(answer, text))) {
    return new NotServiceNowError(
      `${where} with an answer that is not of ServiceNow’s API; ${advice}`,
      failure,
    );
  }
  return new InstanceAsleepError(
    `${where} with a page; the instance is hibernating and a person has to wake it`,
    failure,
  );
}

/** Whoever says so means this call, be it a proxy's nginx or the instance (contract 1.4): nothing else is hindered. */
const tooLarge = new Set([413, 414, 431]);

const advice =
  'check the instance URL, and that neither single sign-on, a firewall nor a proxy stands before /api';

/** A page that ServiceNow itself rendered carries its session headers: that is a login page, not sleep. */
function isSomebodyElse(answer: FailedAnswer, text: string): boolean {
  return 'x-is-logged-in' in answer.headers || marksOfOthers.test(text);
}

function targetOf(answer: FailedAnswer): string {
  return URL.parse(answer.headers['location'] ?? '')?.host ?? 'another place';
}
