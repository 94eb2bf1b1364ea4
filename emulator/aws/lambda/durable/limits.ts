/** What AWS allows one execution; lower it in tests. @see https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html */
export type DurableLimits = {
  /** Operations of one execution, counted as AWS bills them (`operationsOf`). */
  readonly maxOperations: number;
  /** Bytes of one checkpointed payload, of a callback's result and of the result of an asynchronous execution. */
  readonly maxPayloadBytes: number;
  /** Bytes of everything that one execution ever stored: a retried step stores its payload once more. */
  readonly maxPersistedBytes: number;
  /** Operations handed over in one page, with the event or by GetDurableExecutionState. */
  readonly pageSize: number;
  /** Invocations in a row that died without a checkpoint before the execution is given up. */
  readonly maxFruitlessInvocations: number;
};

export const awsDurableLimits: DurableLimits = {
  maxOperations: 3000,
  maxPayloadBytes: 256 * 1024,
  maxPersistedBytes: 100 * 1024 * 1024,
  pageSize: 1000,
  maxFruitlessInvocations: 20,
};
