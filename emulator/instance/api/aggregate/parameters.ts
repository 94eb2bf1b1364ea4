import { isTrue } from '../../http/flag.ts';
import { readMode } from '../table/parameters.ts';

/** What can be computed over the rows of a group. */
export type AggregateFunction = 'count' | 'min' | 'max' | 'avg' | 'sum';

/** `count^state^>^3` */
export type Having = {
  readonly function: AggregateFunction;
  readonly field: string;
  readonly operator: HavingOperator;
  readonly value: number;
};
type HavingOperator = '=' | '!=' | '<' | '>' | '<=' | '>=';

/** `field`, `COUNT` or `AVG^field`, each with `^DESC` behind it or not. */
export type AggregateOrder = {
  readonly function: AggregateFunction | undefined;
  readonly field: string;
  readonly descending: boolean;
};

/** The `sysparm_*` of an Aggregate API call. */
export type AggregateParameters = {
  readonly count: boolean;
  /** Field names by what is asked about them, in the order of the answer. */
  readonly fields: readonly (readonly [Exclude<AggregateFunction, 'count'>, readonly string[]])[];
  readonly groupBy: readonly string[];
  readonly orderBy: readonly AggregateOrder[];
  readonly having: readonly Having[];
  readonly displayValue: 'false' | 'true' | 'all';
};

const functions: readonly AggregateFunction[] = ['count', 'min', 'max', 'avg', 'sum'];
const havingOperators: readonly HavingOperator[] = ['=', '!=', '<', '>', '<=', '>='];

/** What makes no sense counts as not given. */
export function readAggregateParameters(given: URLSearchParams): AggregateParameters {
  const list = (name: string) => splitList(given.get(name));
  return {
    count: isTrue(given.get('sysparm_count')),
    fields: [
      ['min', list('sysparm_min_fields')],
      ['max', list('sysparm_max_fields')],
      ['avg', list('sysparm_avg_fields')],
      ['sum', list('sysparm_sum_fields')],
    ],
    groupBy: list('sysparm_group_by'),
    orderBy: list('sysparm_order_by').map(readOrder),
    having: list('sysparm_having').flatMap(readHaving),
    displayValue: readMode(given.get('sysparm_display_value')),
  };
}

function splitList(text: string | null): string[] {
  return (text ?? '').split(',').flatMap((name) => name.trim() || []);
}

function readOrder(text: string): AggregateOrder {
  const parts = text.split('^');
  const descending = parts.at(-1)?.toUpperCase() === 'DESC';
  const [first = '', second = ''] = descending ? parts.slice(0, -1) : parts;
  const named = asFunction(first);
  const isFunction = named !== undefined && (named === 'count' || second !== '');
  return isFunction
    ? { function: named, field: second, descending }
    : { function: undefined, field: first, descending };
}

function readHaving(text: string): Having[] {
  const [name = '', field = '', sign, value = ''] = text.split('^');
  const named = asFunction(name);
  const operator = havingOperators.find((known) => known === sign);
  if (!named || !operator || value === '' || !Number.isFinite(Number(value))) return [];
  return [{ function: named, field, operator, value: Number(value) }];
}

function asFunction(text: string): AggregateFunction | undefined {
  return functions.find((known) => known === text.toLowerCase());
}
