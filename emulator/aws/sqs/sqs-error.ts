import { AwsError } from '../aws-error.ts';

/** What the old query protocol called an error, where it differs; the SDK still shows it. */
const QUERY_CODES: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  MessageNotInflight: 'AWS.SimpleQueueService.MessageNotInflight',
  BatchEntryIdsNotDistinct: 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct',
  TooManyEntriesInBatchRequest: 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
  EmptyBatchRequest: 'AWS.SimpleQueueService.EmptyBatchRequest',
  BatchRequestTooLong: 'AWS.SimpleQueueService.BatchRequestTooLong',
};

/** The header `x-amzn-query-error` of an error answer. */
export function queryErrorHeaders(error: AwsError): Record<string, string> {
  const fault = error.status < 500 ? 'Sender' : 'Receiver';
  return { 'x-amzn-query-error': `${QUERY_CODES[error.code] ?? error.code};${fault}` };
}

/** A parameter out of its range, in the words of SQS. */
export function invalidParameter(reason: string): AwsError {
  return new AwsError('InvalidParameterValue', `Value for parameter is invalid. Reason: ${reason}`);
}
