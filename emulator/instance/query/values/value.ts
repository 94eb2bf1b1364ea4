import type { Column } from '../../schema/table.ts';
import type { QueryContext } from '../context.ts';
import type { SqlValue } from '../fragment.ts';
import { type Evaluated, evaluateScript } from './script.ts';

/** What a value in a query comes to for one column. */
export type Value =
  | { readonly kind: 'literal'; readonly value: SqlValue }
  /** Any of the groups that the user belongs to. */
  | { readonly kind: 'myGroups' }
  /** What the column can never hold: text such as `priority=high`, or a script that is not on the list. */
  | { readonly kind: 'impossible' };

const scriptPrefix = 'javascript:';
const datePattern = /^\d{4}-\d{2}-\d{2}$/;
const dateTimePattern = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/;
const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)$/;

/**
 * Reads the right-hand side of a comparison with `column`. Literal date-times are UTC whatever the user's zone;
 * `javascript:` dates are reckoned in that zone. What makes no sense narrows the result to nothing, as recorded: only an
 * unknown column widens it.
 */
export function readValue(column: Column, text: string, context: QueryContext): Value {
  if (!text.startsWith(scriptPrefix)) return readLiteral(column, text);
  const evaluated = evaluateScript(text.slice(scriptPrefix.length), context);
  return evaluated ? toColumn(column, evaluated) : { kind: 'impossible' };
}

function toColumn(column: Column, evaluated: Evaluated): Value {
  if (evaluated.kind === 'myGroups') return evaluated;
  if (evaluated.kind === 'text') return readLiteral(column, evaluated.text);
  return { kind: 'literal', value: column.kind === 'date' ? evaluated.localDate : evaluated.utc };
}

function readLiteral(column: Column, text: string): Value {
  const value = parseLiteral(column, text.trim(), text);
  return value === undefined ? { kind: 'impossible' } : { kind: 'literal', value };
}

function parseLiteral(column: Column, trimmed: string, text: string): SqlValue | undefined {
  switch (column.kind) {
    case 'boolean':
      return parseBoolean(trimmed);
    case 'integer':
    case 'decimal':
      return parseNumber(trimmed);
    case 'currency':
      return parseNumber(trimmed.replace(/^[A-Z]{3};/, ''));
    case 'date':
      return datePattern.test(trimmed.slice(0, 10)) ? trimmed.slice(0, 10) : undefined;
    case 'date_time':
    case 'due_date':
    case 'duration':
      return parseDateTime(trimmed);
    default:
      return text;
  }
}

function parseBoolean(text: string): SqlValue | undefined {
  if (/^(true|1)$/i.test(text)) return 1;
  return /^(false|0)$/i.test(text) ? 0 : undefined;
}

function parseNumber(text: string): SqlValue | undefined {
  return numberPattern.test(text) ? Number(text) : undefined;
}

function parseDateTime(text: string): SqlValue | undefined {
  if (dateTimePattern.test(text)) return text;
  return datePattern.test(text) ? `${text} 00:00:00` : undefined;
}
