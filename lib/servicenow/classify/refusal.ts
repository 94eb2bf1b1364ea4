import { processRedactor } from '../../core/redaction.ts';
import {
  AccessDeniedError,
  BusinessRuleError,
  DataPolicyError,
  InsertRefusedError,
  InstanceError,
  InstanceUnavailableError,
  InvalidTableError,
  NotAuthenticatedError,
  RecordNotFoundError,
  RequestRefusedError,
  ScopeMissingError,
  ThrottledError,
  TransactionCancelledError,
} from '../errors.ts';
import type { FailedAnswer, Failure, ServiceNowError } from '../service-now-error.ts';
import { type ClassifiedCall, describeCall, effectOf, failureOf } from './failure.ts';

/** What ServiceNow's error envelope says: `{"error":{"message","detail"},"status":"failure"}` (docs/servicenow-contract.md 1.7). */
type ErrorText = { readonly message: string; readonly detail: string };

type ErrorClass = {
  new (message: string, failure: Failure): ServiceNowError;
  readonly prototype: ServiceNowError;
};

/** The kinds behind one 403, by what ServiceNow says (docs/servicenow-contract.md 1.7). The first that matches. */
const kindsOf403: readonly (readonly [RegExp, ErrorClass])[] = [
  [/Error during insert of /, InsertRefusedError],
  [/Data Policy Exception/, DataPolicyError],
  [/aborted by Business Rule/, BusinessRuleError],
  [/unscoped api is not allowed/i, ScopeMissingError],
];

/** Turns an answer that carries ServiceNow's error (or a status of 400 and more) into an error of the matching kind. */
export function classifyRefusal(
  call: ClassifiedCall,
  answer: FailedAnswer,
  text: ErrorText,
  retryAfterMs?: number,
): ServiceNowError {
  const ErrorKind = kindOf(answer.status, text);
  const isUncertain = answer.status >= 500 || answer.status < 400;
  const failure = failureOf(call, answer, { retryAfterMs, effect: effectOf(call, isUncertain) });
  const said = [`${answer.status} ${summarize(text)}`.trim(), ErrorKind.prototype.advice].filter(Boolean);
  return new ErrorKind(`${describeCall(call)}: ${said.join('; ')}`, failure);
}

function kindOf(status: number, { message, detail }: ErrorText): ErrorClass {
  if (/Transaction cancelled|maximum execution time/i.test(`${message} ${detail}`))
    return TransactionCancelledError;
  if (status === 401) return NotAuthenticatedError;
  if (status === 403)
    return (
      kindsOf403.find(([pattern]) => pattern.test(detail) || pattern.test(message))?.[1] ?? AccessDeniedError
    );
  if (status === 404) return RecordNotFoundError;
  if (status === 429) return ThrottledError;
  if (status === 502 || status === 503 || status === 504) return InstanceUnavailableError;
  if (status >= 500 || status < 400) return InstanceError;
  return /^Invalid table/i.test(message) ? InvalidTableError : RequestRefusedError;
}

/** The error inside a body; undefined when there is none. It can stand next to a partial `result`, also in a 200. */
export function errorIn(body: unknown): ErrorText | undefined {
  if (!isObject(body) || !('error' in body) || !body.error) return undefined;
  if (!isObject(body.error))
    return { message: String(body.error), detail: textOf(body, 'error_description') };
  return { message: textOf(body.error, 'message'), detail: textOf(body.error, 'detail') };
}

const longestText = 400;
/** How much of a text is searched for secrets and quoted values, so that a huge answer costs nothing. */
const searchedText = 64 * 1024;
/** The cut may halve a secret, which is then not recognized; none is longer than this. */
const longestSecret = 8 * 1024;

/**
 * The error in one phrase, for a message. Database and parser texts quote what was sent, so the quoted parts are left out:
 * the contents of a record never reach a log line. Neither do secrets that the answer quotes.
 */
function summarize({ message, detail }: ErrorText): string {
  const shownDetail = /^Exception while reading request/.test(message) ? parserDetail(detail) : detail;
  const said = [message, shownDetail].filter(Boolean).join(': ');
  const redacted = processRedactor.redact(said.slice(0, searchedText));
  const whole = said.length > searchedText ? redacted.slice(0, -longestSecret) : redacted;
  const text = withoutDuplicate(whole).replaceAll(/\s+/g, ' ').trim();
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}

function parserDetail(detail: string): string {
  return detail.startsWith('Rejected large') ? detail : 'the body could not be read';
}

const duplicate = "Duplicate entry '";

/** Leaves out the value in `Duplicate entry 'value' for key`; all that follows when its end is missing. */
function withoutDuplicate(text: string): string {
  const start = text.indexOf(duplicate);
  if (start < 0) return text;
  // The last one: the value itself may hold the words.
  const end = text.lastIndexOf("' for key");
  const rest = end < start ? '' : text.slice(end + 1);
  return `${text.slice(0, start)}Duplicate entry${rest}`;
}

function textOf(value: object, key: string): string {
  const found: unknown = Object.entries(value).find(([name]) => name === key)?.[1];
  return typeof found === 'string' ? found : '';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
