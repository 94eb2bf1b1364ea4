import { ConnectionFailedError, ResponseTooLargeError, type ServiceNowError } from '../errors.ts';
import type { BrokenExchange } from '../transport/exchange.ts';
import { CertificateDateError } from '../transport/own-certificate.ts';
import { ForbiddenAddressError } from '../transport/resolve.ts';
import { type ClassifiedCall, describeCall, effectOf, failureOf, lost } from './call.ts';

/** Names an attempt that brought no whole answer. */
export function judgeBroken(call: ClassifiedCall, broken: BrokenExchange): ServiceNowError {
  if (broken.progress === 'nothing-sent') return notSent(call, broken);
  if (broken.reason === 'too-large') {
    const message = `${describeCall(call)}: the answer is larger than allowed; ask for fewer rows or fields`;
    return new ResponseTooLargeError(message, failureOf(call, undefined, { effect: effectOf(call, true) }));
  }
  return lost(call, undefined, `the answer was lost: ${reasons[broken.reason]}`, broken);
}

/** The same for a call made only to get a token: whatever became of it, nothing of the call behind it was sent. */
export function brokenTokenCall(call: ClassifiedCall, broken: BrokenExchange): ServiceNowError {
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

function notSent(call: ClassifiedCall, broken: BrokenExchange): ServiceNowError {
  const { explanation, lasting } = diagnose(broken);
  const message = `${describeCall(call)}: nothing was sent, ${explanation}`;
  return new ConnectionFailedError(
    message,
    failureOf(call, undefined, { sent: false, cause: broken }),
    !lasting,
  );
}

const certificateCodes = /CERT|SIGNED|ISSUER|ALTNAME|ERR_SSL|ERR_OSSL|UNABLE_TO_VERIFY/;

/** Why there is no connection, and whether it will stay so until somebody changes something. */
function diagnose({ cause, reason }: BrokenExchange): {
  readonly explanation: string;
  readonly lasting: boolean;
} {
  const code = codeOf(cause);
  if (cause instanceof ForbiddenAddressError) {
    const explanation =
      'the host resolves to an address that is not public; list the host in ALLOWED_HOSTS if that is meant';
    return { explanation, lasting: true };
  }
  if (cause instanceof CertificateDateError) {
    return { explanation: `${cause.message}; store a new one in the secret`, lasting: true };
  }
  const proxyStatus =
    cause instanceof Error ? /^Proxy response \((\d+)\)/.exec(cause.message)?.[1] : undefined;
  if (proxyStatus) {
    const explanation = `the proxy refused the tunnel (${proxyStatus}); check proxyUrl, its password, and what the proxy allows`;
    return { explanation, lasting: proxyStatus.startsWith('4') };
  }
  if (code === 'UND_ERR_INVALID_ARG') {
    return { explanation: 'a header or the path holds characters that HTTP does not allow', lasting: true };
  }
  if (certificateCodes.test(code)) {
    const explanation = `the certificates do not fit (${code}); check tls.ca, tls.cert and their dates in the secret`;
    return { explanation, lasting: true };
  }
  return { explanation: code ? `${reasons[reason]} (${code})` : reasons[reason], lasting: false };
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
