import type { Effect } from '../../core/errors.ts';
import type { Method, Repeatable } from '../call.ts';
import {
  AnswerLostError,
  ConnectionFailedError,
  ResponseTooLargeError,
  UnknownOutcomeError,
} from '../errors.ts';
import type { FailedAnswer, Failure, ServiceNowError } from '../service-now-error.ts';
import { CertificateDateError, ForbiddenAddressError, type TransportError } from '../transport/exchange.ts';

/** What the classifier has to know of a call. */
export type ClassifiedCall = {
  readonly method: Method;
  readonly path: string;
  readonly repeatable: Repeatable;
  readonly expects?: 'json' | 'bytes' | undefined;
  /** False for calls made on behalf of another, e.g. for its token: then nothing of that other call was sent. */
  readonly sent?: boolean;
};

/** True when the call changes nothing on the instance. */
export function isRead({ repeatable }: Pick<ClassifiedCall, 'repeatable'>): boolean {
  return repeatable === 'read';
}

/** What is known of the effect after this answer: a server error in reply to a write may come after the commit. */
export function effectOf(call: ClassifiedCall, uncertain: boolean): Effect {
  return uncertain && mayChangeInstance(call) ? 'unknown' : 'none';
}

/** A call on behalf of another changes nothing of that other call. */
function mayChangeInstance(call: ClassifiedCall): boolean {
  return call.sent !== false && !isRead(call);
}

/** The particulars that every error of this call carries. */
export function failureOf(
  call: ClassifiedCall,
  answer: FailedAnswer | undefined,
  more: Partial<Failure> = {},
): Failure {
  return { method: call.method, path: call.path, sent: call.sent, answer, ...more };
}

/** `POST /api/now/table/incident`: the call in one phrase, without its query, which may hold data. */
export function describeCall(call: ClassifiedCall): string {
  return `${call.method} ${call.path.replace(/\?.*$/s, '')}`;
}

/** A lost answer: after a read it can be asked for again; after a write only the instance knows. */
export function lost(
  call: ClassifiedCall,
  answer: FailedAnswer | undefined,
  what: string,
  cause?: unknown,
): ServiceNowError {
  const message = `${describeCall(call)}: ${what}`;
  if (!mayChangeInstance(call)) return new AnswerLostError(message, failureOf(call, answer, { cause }));
  const failure = failureOf(call, answer, { cause, effect: 'unknown' });
  return new UnknownOutcomeError(
    `${message}; it may have succeeded; check the instance before retrying`,
    failure,
  );
}

/** The error of an attempt that brought no complete answer. */
export function classifyTransportError(call: ClassifiedCall, error: TransportError): ServiceNowError {
  if (error.progress === 'nothing-sent' || call.sent === false) return notSent(call, error);
  if (error.reason === 'too-large') {
    const message = `${describeCall(call)}: the answer is larger than allowed; ask for fewer rows or fields`;
    return new ResponseTooLargeError(message, failureOf(call, undefined, { effect: effectOf(call, true) }));
  }
  return lost(call, undefined, `the answer was lost: ${reasons[error.reason]}`, error);
}

const reasons: Readonly<Record<TransportError['reason'], string>> = {
  connect: 'no connection',
  reset: 'the connection was closed',
  timeout: 'time ran out',
  aborted: 'the caller aborted the call',
  'too-large': 'it is larger than allowed',
  damaged: 'its content encoding is damaged',
};

/** Of a call made on behalf of another, e.g. for its token, this means the other call. */
function notSent(call: ClassifiedCall, error: TransportError): ServiceNowError {
  const { explanation, isLasting } = diagnose(error);
  const failure = failureOf(call, undefined, { sent: false, cause: error });
  return new ConnectionFailedError(
    `${describeCall(call)}: nothing was sent, ${explanation}`,
    failure,
    !isLasting,
  );
}

const certificateCodes = /CERT|SIGNED|ISSUER|ALTNAME|ERR_SSL|ERR_OSSL|UNABLE_TO_VERIFY/;

type Diagnosis = {
  readonly explanation: string;
  /** True when it stays so until someone changes something. */
  readonly isLasting: boolean;
};

function diagnose({ cause, reason }: TransportError): Diagnosis {
  const lasting = (explanation: string): Diagnosis => ({ explanation, isLasting: true });
  if (cause instanceof ForbiddenAddressError)
    return lasting(
      'the host resolves to an address that is not public; if that is intended, list it in ALLOWED_HOSTS',
    );
  if (cause instanceof CertificateDateError)
    return lasting(`${cause.message}; store a valid one in the secret`);
  const code = codeOf(cause);
  const proxyStatus = cause instanceof Error && /^Proxy response \((\d+)\)/.exec(cause.message)?.[1];
  if (proxyStatus) {
    const explanation = `the proxy refused the tunnel (${proxyStatus}); check proxyUrl, its password, and what the proxy allows`;
    return { explanation, isLasting: proxyStatus.startsWith('4') };
  }
  if (code === 'UND_ERR_INVALID_ARG')
    return lasting('a header or the path contains a character that HTTP does not allow');
  if (certificateCodes.test(code))
    return lasting(
      `the TLS certificate was not accepted (${code}); check tls.ca, tls.cert and their dates in the secret`,
    );
  return { explanation: code ? `${reasons[reason]} (${code})` : reasons[reason], isLasting: false };
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
