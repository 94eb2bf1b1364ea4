import { ServiceNowError } from './servicenow-error.ts';

/** 400 and any other 4xx without a kind of its own: the call itself is wrong. */
export class RequestRefusedError extends ServiceNowError {
  override readonly name: string = 'RequestRefusedError';
  override readonly code: string = 'REQUEST_REFUSED';
}

/** 400 `Invalid table`: the instance has no such table. */
export class InvalidTableError extends ServiceNowError {
  override readonly name: string = 'InvalidTableError';
  override readonly code = 'INVALID_TABLE';
}

/** 404: no such record, or one that the user may not see; ServiceNow does not tell which. */
export class RecordNotFoundError extends ServiceNowError {
  override readonly name: string = 'RecordNotFoundError';
  override readonly code = 'RECORD_NOT_FOUND';
}

/** 403: an access control, a missing role or a read-protected field. */
export class AccessDeniedError extends ServiceNowError {
  override readonly name: string = 'AccessDeniedError';
  override readonly code = 'ACCESS_DENIED';
}

/** 403 `Access to unscoped api is not allowed`: the OAuth token was given without the scope `useraccount`. */
export class ScopeMissingError extends ServiceNowError {
  override readonly name: string = 'ScopeMissingError';
  override readonly code = 'SCOPE_MISSING';
}

/** 403 `Error during insert of …`: the database refused the row, most often because its sys_id already exists. */
export class InsertRefusedError extends ServiceNowError {
  override readonly name: string = 'InsertRefusedError';
  override readonly code = 'INSERT_REFUSED';
}

/** 403 `Data Policy Exception`: mandatory fields (named by their labels) are missing or a value is not allowed. */
export class DataPolicyError extends ServiceNowError {
  override readonly name: string = 'DataPolicyError';
  override readonly code = 'DATA_POLICY';
}

/** 403 `… was aborted by Business Rule …`. */
export class BusinessRuleError extends ServiceNowError {
  override readonly name: string = 'BusinessRuleError';
  override readonly code = 'BUSINESS_RULE';
}
