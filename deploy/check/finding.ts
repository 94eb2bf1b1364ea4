/** A problem in a template that must be fixed before it is deployed. */
export type Finding = {
  /** The rule's name or its number in cfn-lint, e.g. `F3012`. */
  readonly rule: string;
  /** Logical id and path, e.g. `RecordsQueue Properties.VisibilityTimeout`. */
  readonly where: string;
  readonly message: string;
};
