import type { OperationInput } from '../operations/operation.ts';

/** What a caller wants, whichever way it came. */
export type Call = {
  readonly input: OperationInput;
  /** The instance that the caller named; absent means the deployment's first. */
  readonly instance: string | undefined;
  readonly correlationId: string;
  /** Query parameters and headers that the instance gets as they are. */
  readonly forwarded: {
    readonly query: readonly (readonly [string, string])[];
    /** Lower-case names. */
    readonly headers: Readonly<Record<string, string>>;
  };
};
