import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { NativeAttributeValue } from '@aws-sdk/util-dynamodb';
import type { Deadline } from '../core/clock.ts';
import { ConfigurationError, ConnectorError } from '../core/errors.ts';

/** How long a call to the table may take. */
export type StateCall = { readonly deadline?: Deadline; readonly signal?: AbortSignal };

/** DynamoDB could not be reached in time, or throttled for too long. */
export class StateUnavailableError extends ConnectorError {
  override readonly name: string = 'StateUnavailableError';
  override readonly code = 'STATE_UNAVAILABLE';
  override readonly ownAnswer = { status: 503, title: 'The state table is not available' };
  override readonly retryable = true;
}

/** DynamoDB never takes an item or a key like this: it is too large, or nested too deep. Nothing was written. */
export class StateRefusedError extends ConnectorError {
  override readonly name: string = 'StateRefusedError';
  override readonly code = 'STATE_REFUSED';
  override readonly ownAnswer = { status: 400, title: 'State item too large' };

  constructor(options?: { cause?: unknown }) {
    super('this write needs more state than one item of the state table can hold', options);
  }
}

/** The SDK's own requests wait for ever by default, e.g. in a VPC without a route to DynamoDB. */
const timeouts = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };

/** An item as the SDK gives and takes it. */
export type Attributes = Readonly<Record<string, NativeAttributeValue>>;

export type SendOptions = { readonly abortSignal?: AbortSignal };

/** The SDK, and a client of it. */
export type Loaded = {
  readonly sdk: typeof import('./sdk/dynamodb.ts');
  readonly client: DynamoDBClient;
};

/** Runs calls with the SDK (the first call loads it) and converts its errors into ours. */
export function createStateCalls() {
  let loading: Promise<Loaded> | undefined;
  const load = () => {
    loading ??= import('./sdk/dynamodb.ts').then((sdk) => ({
      sdk,
      client: new sdk.DynamoDBClient({ maxAttempts: 4, requestHandler: timeouts }),
    }));
    return loading;
  };
  return async <Result>(
    { deadline, signal }: StateCall,
    work: (loaded: Loaded, options: SendOptions) => Promise<Result>,
  ): Promise<Result> => {
    const limits = [
      ...(signal ? [signal] : []),
      ...(deadline ? [AbortSignal.timeout(deadline.remainingMs())] : []),
    ];
    const loaded = await load();
    try {
      return await work(loaded, limits.length > 0 ? { abortSignal: AbortSignal.any(limits) } : {});
    } catch (cause) {
      if (cause instanceof loaded.sdk.ConditionalCheckFailedException)
        throw new ConditionFailed(cause.Item && loaded.sdk.unmarshall(cause.Item));
      throw stateError(cause);
    }
  };
}

/** What the table refused because a condition does not hold; it never leaves the state table. */
export class ConditionFailed extends Error {
  readonly item: Attributes | undefined;

  constructor(item: Attributes | undefined) {
    super('the condition does not hold');
    this.item = item;
  }
}

const misconfigured: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'there is no such table in this account and region',
  AccessDeniedException: 'this function may not use the table; check its role and the key of the table',
};

function stateError(cause: unknown): Error {
  const name = cause instanceof Error ? cause.name : '';
  const reason = misconfigured[name];
  if (reason) return new ConfigurationError('STATE_TABLE', reason, { cause });
  // Other validation errors are of a table with other keys: no message is to blame for those.
  const isTooMuch = name === 'ValidationException' && /\bsize\b|nesting/i.test(String(cause));
  if (isTooMuch) return new StateRefusedError({ cause });
  return new StateUnavailableError(
    `DynamoDB could not read or write the state table (${name || 'unknown error'})`,
    {
      cause,
    },
  );
}
