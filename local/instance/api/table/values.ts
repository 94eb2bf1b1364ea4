import type { Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import { fromXml } from '../../http/xml.ts';
import type { Row } from '../../store/row.ts';

/**
 * The record in the body, JSON or XML, every value as text. Of several records only the first is used.
 * @throws Failure 400 when the body does not parse.
 */
export function readValues(exchange: Exchange): Row {
  const text = exchange.body.toString('utf8');
  const parsed = parse(text, exchange.headers['content-type'] ?? '');
  const record: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (typeof record !== 'object' || record === null) return {};
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, toText(value)]));
}

function parse(text: string, contentType: string): unknown {
  if (text.trim() === '') return {};
  try {
    return contentType.includes('xml') ? fromXml(text) : JSON.parse(text);
  } catch (cause) {
    throw new Failure(400, 'Exception while reading request', cause instanceof Error ? cause.message : null);
  }
}

function toText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
