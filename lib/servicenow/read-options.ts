/** `false`: values as stored; `true`: as shown to the user; `all`: both (contract 1.3). */
export type DisplayValue = 'true' | 'false' | 'all';

/** Parameters that most calls of the Table API take (contract 1.2). An absent one is not sent. */
export type RecordOptions = {
  readonly displayValue?: DisplayValue | undefined;
  readonly excludeReferenceLink?: boolean | undefined;
  /** Columns to return; dot-walking allowed (`caller_id.name`). */
  readonly fields?: readonly string[] | undefined;
  /** A UI view whose columns are returned; `fields` wins over it. */
  readonly view?: string | undefined;
  /** Across domains; needs admin or the role `query_no_domain_table_api`. */
  readonly queryNoDomain?: boolean | undefined;
};

type Value = string | number | boolean | readonly string[] | undefined;

/** `{ limit: 10, fields: ['a', 'b'] }` → `sysparm_limit=10&sysparm_fields=a,b`; absent and empty ones are left out. */
export function sysparms(
  parameters: Readonly<Record<string, Value>>,
  pairs?: Readonly<Record<string, string>>,
) {
  const query = new URLSearchParams(pairs);
  for (const [name, value] of Object.entries(parameters)) {
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
    if (text !== '') query.set(`sysparm_${name}`, text);
  }
  return query;
}

/** The parameters shared by reading and writing one record. */
export function recordParameters(options: RecordOptions): Readonly<Record<string, Value>> {
  return {
    display_value: options.displayValue,
    exclude_reference_link: options.excludeReferenceLink,
    fields: options.fields,
    view: options.view,
    query_no_domain: options.queryNoDomain,
  };
}
