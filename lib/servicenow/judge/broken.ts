import { AnswerTooLargeError, ConnectionFailedError } from '../errors/outages.ts';
import type { ServiceNowError } from '../errors/servicenow-error.ts';
import type { BrokenExchange } from '../transport/exchange.ts';
import { ForbiddenAddressError } from '../transport/resolve.ts';
import { describeCall, failureOf, type JudgedCall, outcomeOf } from './call.ts';
import { lost } from './judge.ts';

/** Names an attempt that brought no whole answer. */
export function judgeBroken(call: JudgedCall, broken: BrokenExchange): ServiceNowError {
  if (broken.progress === 'nothing-sent') return notSent(call, broken);
  if (broken.reason === 'too-large') {
    const message = `${describeCall(call)}: the answer is larger than allowed; ask for fewer rows or fields`;
    return new AnswerTooLargeError(message, failureOf(call, undefined, { outcome: outcomeOf(call, true) }));
  }
  return lost(call, undefined, `the answer was lost: ${reasons[broken.reason]}`, broken);
}

/** The same for a call made only to get a token: whatever became of it, nothing of the call behind it was sent. */
export function brokenTokenCall(call: JudgedCall, broken: BrokenExchange): ServiceNowError {
  return notSent(call, broken);
}

const reasons: Readonly<Record<BrokenExchange['reason'], string>> = {
  connect: 'no connection',
  reset: 'the connection was closed',
  timeout: 'time ran out',
  aborted: 'the caller gave up',
  'too-large': 'it is larger than allowed',
  damaged: 'its compression is damaged',
};

function notSent(call: JudgedCall, broken: BrokenExchange): ServiceNowError {
  const message = `${describeCall(call)}: nothing was sent, ${explain(broken)}`;
  const retryable =
    !permanentCodes.test(codeOf(broken.cause)) && !(broken.cause instanceof ForbiddenAddressError);
  return new ConnectionFailedError(
    message,
    failureOf(call, undefined, { sent: false, cause: broken }),
    retryable,
  );
}

/** Certificate troubles last until somebody changes something. */
const permanentCodes = /CERT|SIGNED|ISSUER|ALTNAME|ERR_SSL|ERR_OSSL|UNABLE_TO_VERIFY/;

function explain(broken: BrokenExchange): string {
  const code = codeOf(broken.cause);
  if (broken.cause instanceof ForbiddenAddressError) {
    return 'the host resolves to an address that is not public; list the host in ALLOWED_HOSTS if that is meant';
  }
  if (permanentCodes.test(code)) {
    return `the certificates do not fit (${code}); check tls.ca, tls.cert and their dates in the secret`;
  }
  return code ? `${reasons[broken.reason]} (${code})` : reasons[broken.reason];
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
