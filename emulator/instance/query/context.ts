import type { User } from '../http/exchange.ts';

/** What the compiler does where the platform's documentation is silent. */
export type QuerySwitches = {
  /** Text compares with regard to case. */
  readonly caseSensitiveText: boolean;
  /** `^^` in a query stands for one caret in a value. */
  readonly undoubleCarets: boolean;
  /** The property glide.invalid_query.returns_no_rows: an invalid clause empties the result instead of being dropped. */
  readonly invalidQueryReturnsNoRows: boolean;
  /** The negative operators also find rows whose column is empty. Booleans always do so for `!=`. */
  readonly negationFindsEmpty: boolean;
  /** `f=x%` means `fSTARTSWITHx`, as the search field of a list takes it; otherwise the percent sign is just text. */
  readonly trailingPercentStartsWith: boolean;
};

/** What is assumed of instances until a recording shows otherwise. */
export const defaultQuerySwitches: QuerySwitches = {
  caseSensitiveText: false,
  undoubleCarets: true,
  invalidQueryReturnsNoRows: false,
  negationFindsEmpty: false,
  trailingPercentStartsWith: false,
};

/** What a query depends on besides its text: the time, who asks, and the switches. */
export type QueryContext = {
  readonly clock: { now(): number };
  readonly user: Pick<User, 'sysId' | 'userName' | 'name' | 'timeZone'>;
  readonly switches: QuerySwitches;
};
