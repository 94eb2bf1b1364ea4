/** What an attribute holds. */
export type StateValue =
  | string
  | number
  | boolean
  | null
  | readonly StateValue[]
  | { readonly [name: string]: StateValue };

/** What must hold for a write of the state table. An item that has expired counts as absent. */
export type Condition =
  | { readonly is: 'absent' | 'present' }
  | {
      readonly attribute: string;
      readonly operator: '=' | '<>' | '<' | '<=' | '>' | '>=';
      readonly value: StateValue;
    }
  | { readonly attribute: string; readonly exists: boolean }
  | { readonly allOf: readonly Condition[] }
  | { readonly anyOf: readonly Condition[] };

/** What holds while no other copy of a piece of work has been announced or done since it was remembered. */
export function isStill({ state, untilMs }: { readonly state: string; readonly untilMs: number }): Condition {
  return {
    allOf: [
      { attribute: 'state', operator: '=', value: state },
      { attribute: 'untilMs', operator: '=', value: untilMs },
    ],
  };
}

/** Changes to the attributes of an item. */
export type Update = {
  readonly set?: Readonly<Record<string, StateValue>>;
  /** Adds to a number; an absent one counts as 0. */
  readonly add?: Readonly<Record<string, number>>;
  readonly remove?: readonly string[];
};

/** An expression of DynamoDB with the names and values that it refers to. */
export type Expression = {
  readonly text: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, StateValue>>;
};

/**
 * Writes a condition as a ConditionExpression. Names and values are placeholders, so that no attribute name can collide with
 * one of DynamoDB's 573 reserved words.
 * @param nowSeconds since the Unix epoch, against which expiry is checked
 */
export function toCondition(condition: Condition, nowSeconds: number): Expression {
  const bound = new Placeholders('c');
  const text = writeCondition(condition, bound);
  const whole = isMetByNothing(condition)
    ? `(${text}) OR ${bound.name('expiresAt')} <= ${bound.value(nowSeconds)}`
    : `(${text}) AND (${unexpired(bound, nowSeconds)})`;
  return { text: whole, names: bound.names, values: bound.values };
}

/** As `toCondition`, for what may not find an item that has expired; without a condition nothing else has to hold. */
export function toUnexpired(condition: Condition | undefined, nowSeconds: number): Expression {
  const bound = new Placeholders('c');
  const text = condition && writeCondition(condition, bound);
  const isNotOver = unexpired(bound, nowSeconds);
  return {
    text: text ? `(${text}) AND (${isNotOver})` : isNotOver,
    names: bound.names,
    values: bound.values,
  };
}

/** True for an item that is absent, too. */
function unexpired(bound: Placeholders, nowSeconds: number): string {
  const expires = bound.name('expiresAt');
  return `attribute_not_exists(${expires}) OR ${expires} > ${bound.value(nowSeconds)}`;
}

function writeCondition(one: Condition, bound: Placeholders): string {
  const write = (part: Condition) => `(${writeCondition(part, bound)})`;
  if ('allOf' in one) return one.allOf.map(write).join(' AND ');
  if ('anyOf' in one) return one.anyOf.map(write).join(' OR ');
  if ('is' in one)
    return `${one.is === 'absent' ? 'attribute_not_exists' : 'attribute_exists'}(${bound.name('pk')})`;
  const name = bound.name(one.attribute);
  if ('exists' in one) return `${one.exists ? 'attribute_exists' : 'attribute_not_exists'}(${name})`;
  return `${name} ${one.operator} ${bound.value(one.value)}`;
}

/** True for a condition that holds where there is no item. */
export function isMetByNothing(condition: Condition): boolean {
  if ('allOf' in condition) return condition.allOf.every(isMetByNothing);
  if ('anyOf' in condition) return condition.anyOf.some(isMetByNothing);
  if ('is' in condition) return condition.is === 'absent';
  return 'exists' in condition && !condition.exists;
}

/** Writes changes as an UpdateExpression. */
export function toUpdate({ set = {}, add = {}, remove = [] }: Update): Expression {
  const bound = new Placeholders('u');
  const sets = Object.entries(set).map(([name, value]) => `${bound.name(name)} = ${bound.value(value)}`);
  const adds = Object.entries(add).map(([name, value]) => `${bound.name(name)} ${bound.value(value)}`);
  const removals = remove.map((name) => bound.name(name));
  const clauses = [
    ['SET', sets],
    ['ADD', adds],
    ['REMOVE', removals],
  ] as const;
  const text = clauses
    .flatMap(([verb, parts]) => (parts.length > 0 ? [`${verb} ${parts.join(', ')}`] : []))
    .join(' ');
  return { text, names: bound.names, values: bound.values };
}

/** Writes which items of a partition a query returns as a KeyConditionExpression. Bounds are inclusive; `prefix` excludes them. */
export function toRange(
  pk: string,
  { prefix, from, to }: { readonly prefix?: string; readonly from?: string; readonly to?: string },
): Expression {
  const names = { '#pk': 'pk', '#sk': 'sk' };
  if (prefix !== undefined)
    return {
      text: '#pk = :pk AND begins_with(#sk, :prefix)',
      names,
      values: { ':pk': pk, ':prefix': prefix },
    };
  if (from !== undefined && to !== undefined)
    return {
      text: '#pk = :pk AND #sk BETWEEN :from AND :to',
      names,
      values: { ':pk': pk, ':from': from, ':to': to },
    };
  if (from !== undefined)
    return { text: '#pk = :pk AND #sk >= :from', names, values: { ':pk': pk, ':from': from } };
  if (to !== undefined) return { text: '#pk = :pk AND #sk <= :to', names, values: { ':pk': pk, ':to': to } };
  return { text: '#pk = :pk', names: { '#pk': 'pk' }, values: { ':pk': pk } };
}

/** Hands out placeholders for names and values; the prefix keeps those of two expressions apart. */
class Placeholders {
  readonly names: Record<string, string> = {};
  readonly values: Record<string, StateValue> = {};
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  name(attribute: string): string {
    const known = Object.entries(this.names).find(([, name]) => name === attribute);
    if (known) return known[0];
    const placeholder = `#${this.#prefix}${Object.keys(this.names).length}`;
    this.names[placeholder] = attribute;
    return placeholder;
  }

  value(value: StateValue): string {
    const placeholder = `:${this.#prefix}${Object.keys(this.values).length}`;
    this.values[placeholder] = value;
    return placeholder;
  }
}
