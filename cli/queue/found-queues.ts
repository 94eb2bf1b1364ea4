/** A dead-letter queue, and the queue that its letters go back to; `''` for none. */
export type DeadLetterQueue = { readonly name: string; readonly url: string; readonly queueUrl: string };

/** A records queue, and the dead-letter queues that are meant. */
export type RecordsQueues = {
  /** `''` where none is named. */
  readonly queueUrl: string;
  /** The one that is named; all of a local stack when none is. */
  readonly deadLetterQueues: readonly DeadLetterQueue[];
  /** Where reasons are that a letter had no room for. */
  readonly stateTable: string | undefined;
  /** That of the stack; false where it has none, undefined where it is not known. */
  readonly importBucket: string | false | undefined;
  /** Further queues of the stack. */
  readonly others: readonly { readonly name: string; readonly url: string }[];
  /** `the local stack`, or where else they are. */
  readonly place: string;
  /** The CloudFormation stack by which they were found, and its state, e.g. `UPDATE_COMPLETE`. */
  readonly stack?: { readonly name: string; readonly state: string } | undefined;
};
