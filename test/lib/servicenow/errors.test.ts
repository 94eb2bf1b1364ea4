import { describe, expect, it } from 'vitest';
import * as core from '../../../lib/core/errors.ts';
import * as errors from '../../../lib/servicenow/errors.ts';

const failure = { method: 'POST', path: '/api/now/table/incident' } as const;
const answer = (status: number) => ({ status, headers: {}, body: {} });

describe('an error of the family', () => {
  it.each([
    // class, the status of ServiceNow's answer, then its facts
    [errors.RequestRefusedError, 400, 'request', 'never', 400, true],
    [errors.InvalidTableError, 400, 'request', 'never', 400, true],
    [errors.RecordNotFoundError, 404, 'request', 'never', 404, true],
    [errors.AccessDeniedError, 403, 'request', 'never', 403, true],
    [errors.InsertRefusedError, 403, 'request', 'never', 403, true],
    [errors.DataPolicyError, 403, 'request', 'never', 403, true],
    [errors.BusinessRuleError, 403, 'request', 'never', 403, true],
    [errors.ResponseTooLargeError, 200, 'request', 'never', 413, true],
    [errors.AnswerLostError, 200, 'request', 'later', 503, false],
    [errors.UnknownOutcomeError, 200, 'request', 'later', 504, false],
    [errors.TransactionCancelledError, 200, 'request', 'later', 504, false],
    [errors.InstanceError, 500, 'request', 'later', 500, false],
    [errors.InstanceError, 200, 'request', 'later', 502, false],
    [errors.NotAuthenticatedError, 401, 'instance', 'never', 401, false],
    [errors.CredentialsRejectedError, 401, 'instance', 'never', 502, false],
    [errors.ScopeMissingError, 403, 'instance', 'never', 502, false],
    [errors.ThrottledError, 429, 'instance', 'later', 429, false],
    [errors.InstanceUnavailableError, 503, 'instance', 'later', 503, false],
    [errors.InstanceAsleepError, 200, 'instance', 'later', 503, false],
    [errors.NotServiceNowError, 302, 'instance', 'never', 503, false],
    [errors.ConnectionFailedError, 200, 'instance', 'later', 503, false],
  ] as const)('%o after a %i carries its facts', (Kind, status, scope, retry, httpStatus, isPermanent) => {
    const error = new Kind('message', { ...failure, answer: answer(status) });
    expect(error).toMatchObject({ scope, retry, httpStatus, isPermanent, effect: 'none', sent: true });
    expect(error.name).toBe(Kind.name);
    expect(core.mayHaveTakenEffect(error)).toBe(false);
  });

  it('knows its call, which was sent once unless it says otherwise', () => {
    const headers = { 'x-transaction-id': 't1' };
    const error = new errors.AccessDeniedError('', { ...failure, answer: { ...answer(403), headers } });
    const facts = { ...failure, attempts: 1, transactionId: 't1', mayPassIfSmaller: false };
    expect(error).toMatchObject(facts);
    expect(new errors.InstanceError('', failure)).toMatchObject({ ...facts, transactionId: undefined });
  });

  it('is answered as a bad gateway where the instance gave no status, or one that means success', () => {
    expect(new errors.InstanceError('', failure).httpStatus).toBe(502);
    expect(new errors.InstanceError('', { ...failure, answer: answer(200) }).httpStatus).toBe(502);
  });

  it('is retried after the time that the instance gives', () => {
    const withRetryAfter = { ...failure, retryAfterMs: 5 };
    expect(new errors.ThrottledError('', withRetryAfter).retry).toBe('afterDelay');
    expect(new errors.CredentialsRejectedError('', withRetryAfter).retry).toBe('never');
  });

  it('is not permanent, nor a refusal, as long as the call may have taken effect', () => {
    const refused = new errors.AccessDeniedError('', { ...failure, answer: answer(403) });
    expect(refused).toMatchObject({ isRefusal: true, isPermanent: true, httpStatus: 403 });
    refused.effect = 'unknown';
    expect(refused).toMatchObject({ isRefusal: false, isPermanent: false, httpStatus: 504 });
    expect(core.mayHaveTakenEffect(refused)).toBe(true);
  });

  it('of a create does not rule out that the record exists, when it is a 403 or an unknown effect', () => {
    const mayExist = (
      Kind: typeof errors.AccessDeniedError | typeof errors.ScopeMissingError,
      status: number,
    ) => new Kind('', { ...failure, answer: answer(status) }).recordMayExist;
    expect(mayExist(errors.AccessDeniedError, 403)).toBe(true);
    expect(mayExist(errors.AccessDeniedError, 400)).toBe(false);
    expect(mayExist(errors.ScopeMissingError, 403)).toBe(false);
    expect(new errors.InstanceError('', { ...failure, effect: 'unknown' }).recordMayExist).toBe(true);
  });

  it('says whether a smaller request may pass', () => {
    const mayPass = [errors.ResponseTooLargeError, errors.AnswerLostError, errors.TransactionCancelledError];
    for (const Kind of mayPass) expect(new Kind('', failure).mayPassIfSmaller).toBe(true);
    expect(new errors.AccessDeniedError('', failure).mayPassIfSmaller).toBe(false);
  });

  it('of ours has an HTTP answer of its own', () => {
    expect(new core.InvalidInputError('f', 'r').ownAnswer).toEqual({ status: 400, title: 'Invalid input' });
    expect(new core.TableNotAllowedError('t')).toMatchObject({ httpStatus: 403, isPermanent: true });
    expect(new core.ConfigurationError('s', 'r')).toMatchObject({ httpStatus: 500, isPermanent: false });
    expect(new core.UnknownInstanceError()).toMatchObject({
      httpStatus: 400,
      isPermanent: true,
      code: 'CONFIGURATION_INVALID',
    });
    expect(new core.DeadlineExceededError('x')).toMatchObject({ httpStatus: 503, retry: 'later' });
    expect(new core.CallAbandonedError('x')).toMatchObject({ httpStatus: 502, retry: 'later' });
  });
});
