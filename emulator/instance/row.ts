/** A row in the API's form: every value is text, `''` for empty. */
export type Row = Record<string, string>;

/** Who writes: becomes sys_created_by, sys_updated_by and the value of `gs.getUserID()`. */
export type Author = {
  readonly userName: string;
  readonly sysId: string;
  /** The platform itself has none, and no rule restricts it. */
  readonly roles?: ReadonlySet<string>;
};

/** The instance itself, as in rows it ships with. */
export const system: Author = { userName: 'system', sysId: '' };

export type Selection = {
  /** A condition on the row, named `t0`. */
  readonly where?: string;
  readonly params?: readonly (string | number | null)[];
  /** SQL after ORDER BY; sys_id is always added as the last key. */
  readonly orderBy?: string;
  /** Rows that `orderBy` leaves tied come in an order drawn from this number instead of by sys_id. */
  readonly tieSeed?: number;
  readonly limit?: number;
  readonly offset?: number;
  /** Only these columns; all of the table's without. */
  readonly columns?: readonly string[];
};
