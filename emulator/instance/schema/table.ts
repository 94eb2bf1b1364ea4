/**
 * What a column holds. The SQL column behind it: `integer`, `decimal`, `currency` and `boolean` (0/1) have numeric
 * affinity, everything else is TEXT; an empty value is NULL and is read as `""`. Date-times are UTC
 * `yyyy-MM-dd HH:mm:ss`, dates `yyyy-MM-dd`, durations an offset from 1970-01-01 00:00:00 in the same form.
 * `password` is a one-way hash that the Table API writes only with `sysparm_input_display_value`; `password2` is kept as ciphertext.
 * Text compares case-insensitively (COLLATE NOCASE) unless the switch says otherwise; sys_id and references do not.
 */
export type ColumnKind =
  | 'string'
  | 'integer'
  | 'decimal'
  | 'boolean'
  | 'choice'
  | 'reference'
  | 'document_id'
  | 'date'
  | 'date_time'
  | 'duration'
  | 'due_date'
  | 'currency'
  | 'journal'
  | 'journal_list'
  | 'password2'
  | 'password'
  | 'guid'
  | 'class_name';

export type Choice = { readonly value: string; readonly label: string };

export type Column = {
  readonly name: string;
  readonly label: string;
  readonly kind: ColumnKind;
  readonly maxLength: number;
  readonly mandatory?: boolean;
  /** A literal, or `javascript:gs.getUserID()` / `javascript:gs.nowDateTime()`. */
  readonly defaultValue?: string;
  /** The table that a reference points to. */
  readonly reference?: string;
  /** For a reference whose key is not sys_id, e.g. `name` for sys_db_object. */
  readonly referenceKey?: string;
  /** For a document_id: the column of the same row that names the target table. */
  readonly documentTable?: string;
  /** Stored value and label, in order. Integers (priority, state) may have choices too. */
  readonly choices?: readonly Choice[];
  /** An index of its own, for columns that are looked up in large tables. */
  readonly indexed?: boolean;
  /** Linked in every answer, also with `sysparm_exclude_reference_link` (recorded of sys_user.sys_domain). */
  readonly alwaysLinked?: boolean;
  /** While it is empty, its value, or what is displayed of it, is `null` in answers (recorded of kb_knowledge). */
  readonly nullWhenEmpty?: 'value' | 'display';
  /** Left out of answers unless `sysparm_fields` names it (recorded of sys_db_object.sys_tags). */
  readonly onlyWhenAsked?: boolean;
  /** A unique index beyond sys_id. */
  readonly unique?: boolean;
};

/** Makes columns mandatory on rows whose new values match `when` (every named column holds one of the values). */
type DataPolicy = {
  readonly when?: Readonly<Record<string, readonly string[]>>;
  readonly mandatory: readonly string[];
  /** The policy holds only while this switch is on. */
  readonly switch?: 'incidentClosePolicy';
};

/** A before-rule that refuses the write when the new row (for delete: the present one) matches `when`. */
type AbortRule = {
  readonly name: string;
  readonly sysId: string;
  readonly on: readonly ('insert' | 'update' | 'delete')[];
  readonly when?: Readonly<Record<string, readonly string[]>>;
};

export type Table = {
  readonly name: string;
  readonly label: string;
  /** The table it extends: `task` for incident. */
  readonly parent?: string;
  /** The table's own columns; inherited ones come from the parent. */
  readonly columns: readonly Column[];
  /** The column shown for a reference to this table. */
  readonly display?: string;
  /** Auto numbering of the `number` column: prefix and digits, e.g. INC and 7. */
  readonly number?: { readonly prefix: string; readonly digits: number };
  readonly policies?: readonly DataPolicy[];
  readonly rules?: readonly AbortRule[];
  /** Rows that match take no more journal entries; what is written to them is silently dropped. Base tables have none. */
  readonly journalsClosedWhen?: Readonly<Record<string, readonly string[]>>;
  /** A list of it is refused to callers who may not read the table; other tables answer with no rows. */
  readonly refusesLists?: boolean;
  /** Column names by UI view (`sysparm_view`); a view not named here shows all columns. */
  readonly views?: Readonly<Record<string, readonly string[]>>;
};
