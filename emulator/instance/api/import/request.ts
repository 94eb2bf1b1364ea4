import type { Exchange } from '../../http/exchange.ts';
import { Failure, invalidTable } from '../../http/failure.ts';
import { fromXml } from '../../http/respond.ts';
import type { Schema } from '../../schema/schema.ts';
import type { InstanceState } from '../../state.ts';

/**
 * The body of one record as an object, from JSON or XML.
 * @throws Failure 400 `Exception while reading request` for anything else.
 */
export function readFlatObject({ headers, body }: Exchange): Record<string, unknown> {
  const isXml = /xml/i.test(headers['content-type'] ?? '');
  const value = isXml ? parse(() => fromXml(body.toString())) : readObject(body);
  if (!isObject(value)) throw unreadable('The payload is no record');
  return value;
}

/**
 * The body as a JSON object.
 * @throws Failure 400 `Exception while reading request` for anything else.
 */
export function readObject(body: Buffer): Record<string, unknown> {
  const value = parse(() => JSON.parse(body.toString()));
  if (!isObject(value)) throw unreadable('The payload is not a JSON object');
  return value;
}

/** True for a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What an instance answers to a body that it cannot read. */
export function unreadable(detail: string): Failure {
  return new Failure(400, 'Exception while reading request', detail);
}

function parse(read: () => unknown): unknown {
  try {
    return read();
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Whether the table extends that of all staging rows. */
export function takesImportRows(schema: Schema, table: string): boolean {
  const extendsRow = schema.ancestry(table).some((above) => above.name === 'sys_import_set_row');
  return extendsRow && table !== 'sys_import_set_row';
}

/**
 * The staging table that the path names.
 * @throws Failure 400 when there is no such table, or it takes no import rows; 403 when no API on it is open to the
 *   caller.
 */
export function stagingTableOf(exchange: Exchange, { auth, schema }: InstanceState): string {
  const table = exchange.segments[1] ?? '';
  if (!takesImportRows(schema, table)) throw invalidTable(table);
  auth.access.requireApi(exchange.user, table);
  return table;
}
