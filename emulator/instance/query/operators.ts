/** Every spelling of an operator and the one it stands for. */
const spellings = {
  '=': '=',
  '!=': '!=',
  '<': '<',
  '>': '>',
  '<=': '<=',
  '>=': '>=',
  IN: 'IN',
  'NOT IN': 'NOT IN',
  NOTIN: 'NOT IN',
  LIKE: 'LIKE',
  CONTAINS: 'LIKE',
  '*': 'LIKE',
  'NOT LIKE': 'NOT LIKE',
  NOTLIKE: 'NOT LIKE',
  'DOES NOT CONTAIN': 'NOT LIKE',
  '!*': 'NOT LIKE',
  STARTSWITH: 'STARTSWITH',
  ENDSWITH: 'ENDSWITH',
  '%': 'ENDSWITH',
  BETWEEN: 'BETWEEN',
  ISEMPTY: 'ISEMPTY',
  EMPTYSTRING: 'ISEMPTY',
  ISNOTEMPTY: 'ISNOTEMPTY',
  ANYTHING: 'ANYTHING',
  SAMEAS: 'SAMEAS',
  NSAMEAS: 'NSAMEAS',
  GT_FIELD: 'GT_FIELD',
  LT_FIELD: 'LT_FIELD',
  GT_OR_EQUALS_FIELD: 'GT_OR_EQUALS_FIELD',
  LT_OR_EQUALS_FIELD: 'LT_OR_EQUALS_FIELD',
  MORETHAN: 'MORETHAN',
  LESSTHAN: 'LESSTHAN',
  ON: 'ON',
  NOTON: 'NOTON',
  RELATIVEGT: 'RELATIVEGT',
  RELATIVEGE: 'RELATIVEGE',
  RELATIVELT: 'RELATIVELT',
  RELATIVELE: 'RELATIVELE',
  RELATIVEEE: 'RELATIVEEE',
  DATEPART: 'DATEPART',
  INSTANCEOF: 'INSTANCEOF',
  DYNAMIC: 'DYNAMIC',
  IN_HIERARCHY: 'IN_HIERARCHY',
  IN_HIERARCHY_DYNAMIC: 'IN_HIERARCHY_DYNAMIC',
  VALCHANGES: 'VALCHANGES',
  CHANGESFROM: 'CHANGESFROM',
  CHANGESTO: 'CHANGESTO',
} as const;

export type Operator = (typeof spellings)[keyof typeof spellings];

/** The longest first, so that `INSTANCEOF` is not read as `IN` with the value `STANCEOF`. */
const byLength: readonly (readonly [string, Operator])[] = Object.entries(spellings).sort(
  ([left], [right]) => right.length - left.length,
);

const withoutValue: ReadonlySet<Operator> = new Set(['ISEMPTY', 'ISNOTEMPTY', 'ANYTHING', 'VALCHANGES']);

/** These compare a row with what it was before a write: a rule can, a list has nothing to compare. */
const changes: ReadonlySet<Operator> = new Set(['VALCHANGES', 'CHANGESFROM', 'CHANGESTO']);

export type ChangeOperator = 'VALCHANGES' | 'CHANGESFROM' | 'CHANGESTO';

/** True for an operator about what a record was before. */
export const isChange = (operator: Operator): operator is ChangeOperator => changes.has(operator);

/** Reads the operator at the start of `text`; what follows it is the value. */
export function readOperator(text: string): { operator: Operator; value: string } | undefined {
  for (const [spelling, operator] of byLength) {
    if (!text.startsWith(spelling)) continue;
    const value = text.slice(spelling.length);
    if (value === '' || !withoutValue.has(operator)) return { operator, value };
  }
  return undefined;
}
