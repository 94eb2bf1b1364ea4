import type { MiddlewareObj } from '@middy/core';
import { ConnectorError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { ServiceNowError } from '../servicenow/errors.ts';

/** Logs what failed: what we foresaw in one line, what we did not with its stack. */
export function logFailures(operation: string, log: Log): MiddlewareObj {
  return {
    onError({ error, context }) {
      const where = { operation, requestId: context.awsRequestId };
      if (error instanceof ConnectorError)
        return log.warn('call-failed', { ...where, ...particulars(error) });
      log.error('call-broke', { ...where, reason: error?.message, stack: error?.stack });
    },
  };
}

function particulars(error: ConnectorError) {
  const transactionId = error instanceof ServiceNowError ? error.transactionId : undefined;
  return { code: error.code, reason: error.message, transactionId };
}
