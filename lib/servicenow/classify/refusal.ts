import {
  AccessDeniedError,
  BusinessRuleError,
  DataPolicyError,
  type FailedAnswer,
  type Failure,
  InsertRefusedError,
  InstanceError,
  InstanceUnavailableError,
  InvalidTableError,
  NotAuthenticatedError,
  RecordNotFoundError,
  RequestRefusedError,
  ScopeMissingError,
  type ServiceNowError,
  ThrottledError,
  TransactionCancelledError,
} from '../errors.ts';
import { type ClassifiedCall, describeCall, effectOf, failureOf } from './call.ts';
import { type ErrorText, phrase } from './envelope.ts';

type ErrorClass = {
  new (message: string, failure: Failure): ServiceNowError;
  readonly prototype: ServiceNowError;
};

/** The kinds behind one 403, by what ServiceNow says (contract 1.7). The first that fits. */
const kindsOf403: readonly (readonly [RegExp, ErrorClass])[] = [
  [/Error during insert of /, InsertRefusedError],
  [/Data Policy Exception/, DataPolicyError],
  [/aborted by Business Rule/, BusinessRuleError],
  [/unscoped api is not allowed/i, ScopeMissingError],
];

/** Turns an answer that carries ServiceNow's error (or a status of 400 and more) into its error. */
export function judgeRefusal(
  call: ClassifiedCall,
  answer: FailedAnswer,
  text: ErrorText,
  retryAfterMs?: number,
): ServiceNowError {
  const ErrorKind = kindOf(answer.status, text);
  const uncertain = answer.status >= 500 || answer.status < 400;
  const failure = failureOf(call, answer, { retryAfterMs, effect: effectOf(call, uncertain) });
  const said = [`${answer.status} ${phrase(text)}`.trim(), ErrorKind.prototype.advice]
    .filter(Boolean)
    .join('; ');
  return new ErrorKind(`${describeCall(call)}: ${said}`, failure);
}

function kindOf(status: number, text: ErrorText): ErrorClass {
  if (/Transaction cancelled|maximum execution time/i.test(`${text.message} ${text.detail}`))
    return TransactionCancelledError;
  if (status === 401) return NotAuthenticatedError;
  if (status === 403)
    return (
      kindsOf403.find(([said]) => said.test(text.detail) || said.test(text.message))?.[1] ?? AccessDeniedError
    );
  if (status === 404) return RecordNotFoundError;
  if (status === 429) return ThrottledError;
  if (status === 502 || status === 503 || status === 504) return InstanceUnavailableError;
  if (status >= 500 || status < 400) return InstanceError;
  return /^Invalid table/i.test(text.message) ? InvalidTableError : RequestRefusedError;
}
