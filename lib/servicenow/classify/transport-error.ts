import { ConnectionFailedError, ResponseTooLargeError, type ServiceNowError } from '../errors.ts';
import { CertificateDateError, ForbiddenAddressError } from '../transport/dispatcher.ts';
import type { TransportError } from '../transport/exchange.ts';
import { type ClassifiedCall, describeCall, effectOf, failureOf, lost } from './call.ts';

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
  aborted: 'the caller gave up',
  'too-large': 'it is larger than allowed',
  damaged: 'its compression is damaged',
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
    return lasting(`${cause.message}; store a new one in the secret`);
  const code = codeOf(cause);
  const proxyStatus = cause instanceof Error && /^Proxy response \((\d+)\)/.exec(cause.message)?.[1];
  if (proxyStatus) {
    const explanation = `the proxy refused the tunnel (${proxyStatus}); check proxyUrl, its password, and what the proxy allows`;
    return { explanation, isLasting: proxyStatus.startsWith('4') };
  }
  if (code === 'UND_ERR_INVALID_ARG')
    return lasting('a header or the path contains characters that HTTP does not allow');
  if (certificateCodes.test(code))
    return lasting(
      `the certificates do not match (${code}); check tls.ca, tls.cert and their dates in the secret`,
    );
  return { explanation: code ? `${reasons[reason]} (${code})` : reasons[reason], isLasting: false };
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
