/** What an AWS service says when it refuses a call, or does not answer, as a reader can act on it. */
export type AwsFailure = {
  readonly kind: 'denied' | 'key-denied' | 'missing' | 'quota' | 'no-answer' | 'other';
  /** One clause, without the names and numbers of the account. */
  readonly reason: string;
  readonly advice: string;
};

const missing = new Set([
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
  'ResourceNotFoundException',
  'NoSuchBucket',
  'NotFound',
]);

/** Who refuses, by the words of the message. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
const refusers: readonly (readonly [words: RegExp, who: string])[] = [
  [/permissions boundary/i, 'the permissions boundary of the role'],
  [/service control policy/i, 'a service control policy of the organization'],
  [/resource control policy/i, 'a resource control policy of the organization'],
  [/VPC endpoint policy/i, 'the policy of the VPC endpoint'],
  [/session policy/i, 'a session policy'],
  [/resource-based policy/i, 'the policy of the resource'],
];

/**
 * Reads the error of a call by the AWS SDK.
 * @param action what the role needs, e.g. `sqs:GetQueueAttributes`
 */
export function explainFailure(error: unknown, action: string): AwsFailure {
  const { name, message } = error instanceof Error ? error : { name: 'UnknownError', message: '' };
  const [service = ''] = action.split(':');
  if (/^KMS\.|^Kms|DecryptionFailure/.test(name) || (isDenial(name) && /\bKMS\b|kms:/.test(message)))
    return {
      kind: 'key-denied',
      reason: `the KMS key may not be used (${name})`,
      advice: `allow kms:Decrypt and kms:GenerateDataKey in the key’s policy and in the role, and check that the key is enabled`,
    };
  if (isDenial(name)) {
    const [, who] = refusers.find(([words]) => words.test(message)) ?? [];
    return {
      kind: 'denied',
      reason: `${action} is not allowed${who ? ` by ${who}` : ''}`,
      advice: `allow ${action} in ${who ?? 'the role, its permissions boundary and the policy of the resource'}`,
    };
  }
  if (missing.has(name))
    return {
      kind: 'missing',
      reason: 'it does not exist in this account and region',
      advice: 'deploy again; if it was deleted by hand, remove the stack’s other copy of it first',
    };
  if (quotaErrors.test(name))
    return {
      kind: 'quota',
      reason: `a quota of AWS is reached (${name})`,
      advice: `it passes when the load falls; otherwise ask AWS for more in Service Quotas, under ${service}`,
    };
  if (/Timeout|ECONN|ENOTFOUND|EAI_AGAIN|Networking/i.test(`${name} ${message}`))
    return {
      kind: 'no-answer',
      reason: 'no answer',
      advice: `functions in a VPC reach AWS through a NAT gateway or the VPC endpoint of ${service}; check the subnets’ routes and that the endpoint’s security group admits port 443`,
    };
  return { kind: 'other', reason: name, advice: 'see the health dashboard of AWS, and try again' };
}

/** How services call it, each in its own words. */
const quotaErrors =
  /Throttl|TooManyRequests|ThroughputExceeded|LimitExceeded|OverLimit|SlowDown|ReservedConcurrent/;

function isDenial(name: string): boolean {
  return /^(AccessDenied|AccessDeniedException|AccessDenied\w*|UnauthorizedOperation|403|Forbidden)$/.test(
    name,
  );
}
