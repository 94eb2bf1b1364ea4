import { toStored } from '../../fields/input.ts';
import { stringifyValue } from '../../fields/stringify-value.ts';
import type { Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import { fromXml } from '../../http/xml.ts';
import type { InstanceState } from '../../state.ts';
import type { Row } from '../../store/row.ts';
import { readParameters } from './parameters.ts';

/**
 * What the caller writes to a row of `table`, every value as text (an object as Java prints a map): the columns that
 * the table has, without those closed to the caller, and without system columns but sys_id. Of several records only the first is used.
 * @throws Failure 400 when the body does not parse or is no record.
 */
export function readValues(exchange: Exchange, state: InstanceState, table: string): Row {
  const { inputDisplayValue } = readParameters(exchange);
  const closed = state.auth.access.closedFields(exchange.user, 'write', table);
  const values: Row = {};
  for (const [name, given] of Object.entries(readRecord(exchange))) {
    const column = state.schema.column(table, name);
    if (!column || closed.has(name)) continue;
    // A password is written only as its display value.
    if (column.kind === 'password' && !inputDisplayValue) continue;
    if (name.startsWith('sys_') && name !== 'sys_id') continue;
    const text = stringifyValue(given);
    values[name] = inputDisplayValue ? toStored(state.store, column, text, exchange.user) : text;
  }
  return values;
}

function readRecord(exchange: Exchange): object {
  const parsed = parse(exchange.body.toString('utf8'), exchange.headers['content-type'] ?? '');
  const record: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (typeof record === 'object' && record !== null) return record;
  throw new Failure(400, 'Exception while reading request', 'The payload is no record');
}

function parse(text: string, contentType: string): unknown {
  if (text.trim() === '') return {};
  try {
    return contentType.includes('xml') ? fromXml(text) : JSON.parse(text);
  } catch (cause) {
    throw new Failure(400, 'Exception while reading request', cause instanceof Error ? cause.message : null);
  }
}
