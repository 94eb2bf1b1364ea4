import { parseRetryAfter } from '../../core/retry-timing.ts';
import type { FailedAnswer } from '../errors.ts';
import { timeOf } from '../server-clock.ts';
import type { WireAnswer } from '../transport/exchange.ts';
import { type ClassifiedCall, isRead, lost } from './call.ts';
import { errorIn } from './envelope.ts';
import { judgePage } from './page.ts';
import { judgeRefusal } from './refusal.ts';

/** An answer that means yes. */
export type Judgement = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/**
 * Decides whether an answer means yes: content type before parsing, the body before the status.
 * @throws ServiceNowError of the kind the answer is
 */
export function judge(call: ClassifiedCall, answer: WireAnswer, nowMs: number): Judgement {
  const { status, headers } = answer;
  const retryAfterMs = parseRetryAfter(headers['retry-after'], timeOf(headers, nowMs));
  if (call.expects === 'bytes' && status === 200 && 'x-attachment-metadata' in headers) return answer;
  if (isEmpty(answer)) return judgeEmpty(call, answer, retryAfterMs);
  if (isRedirect(status) || !isJson(headers['content-type'])) {
    throw judgePage(call, { status, headers, body: undefined }, answer.body, retryAfterMs);
  }
  const parsed: FailedAnswer = { status, headers, body: parse(call, answer) };
  const error = errorIn(parsed.body);
  if (!error && isForeignRefusal(answer)) throw judgePage(call, parsed, answer.body, retryAfterMs);
  if (error || status >= 400)
    throw judgeRefusal(call, parsed, error ?? { message: '', detail: '' }, retryAfterMs);
  if (status === 202) throw lost(call, parsed, 'was put off (202) and nobody tells its outcome');
  return parsed;
}

const ownHeaders = ['x-transaction-id', 'x-is-logged-in'];

/**
 * A firewall or gateway may refuse in JSON too: without ServiceNow's envelope, and without the headers that it always sends
 * (contract 1.5). Its 404 tells of no record.
 */
function isForeignRefusal({ status, headers }: Pick<WireAnswer, 'status' | 'headers'>): boolean {
  if (status < 400 || status >= 500 || status === 401 || status === 429) return false;
  return !ownHeaders.some((name) => name in headers) && !/servicenow|snow_adc/i.test(headers['server'] ?? '');
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

function isEmpty(answer: WireAnswer): boolean {
  return answer.body.byteLength === 0;
}

/** 204, or a write whose record we may not read or did not ask for (contract 1.2, 4.1). A read owes a body. */
function judgeEmpty(
  call: ClassifiedCall,
  { status, headers }: WireAnswer,
  retryAfterMs: number | undefined,
): Judgement {
  const answer: FailedAnswer = { status, headers, body: undefined };
  if (isRedirect(status) || isForeignRefusal(answer))
    throw judgePage(call, answer, new Uint8Array(), retryAfterMs);
  if (status >= 400) throw judgeRefusal(call, answer, { message: '', detail: '' }, retryAfterMs);
  if (status === 202) throw lost(call, answer, 'was put off (202) and nobody tells its outcome');
  if (isRead(call) && call.method !== 'HEAD' && status !== 204)
    throw lost(call, answer, `answered ${status} without a body`);
  return answer;
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType?.trim() ?? '');
}

function parse(call: ClassifiedCall, { status, headers, body }: WireAnswer): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    // The parser's message quotes the text, so it is not kept as the cause.
    throw lost(
      call,
      { status, headers, body: undefined },
      `answered ${status} with JSON that is cut off or damaged`,
    );
  }
}
