import type { Answer, Exchange } from '../../http/exchange.ts';
import { Failure, noRecordFound } from '../../http/failure.ts';
import { lazySchema } from '../../lazy-schema.ts';
import type { Row } from '../../row.ts';
import type { InstanceState } from '../../state.ts';
import { attachmentOf, attachmentToChange, readBody } from './attachment.ts';

const attributeTable = 'sys_attachment_attribute';

/** An attribute as the API shows it. */
function describeAttribute(row: Row): { key: string; value: string } {
  return { key: row['key'] ?? '', value: row['value'] ?? '' };
}

/**
 * The attributes of the attachment that the path names, in the order they were added.
 * @throws Failure 404 without the attachment.
 */
function attributesOf(exchange: Exchange, state: InstanceState): Row[] {
  const { sys_id: sysId = '' } = attachmentOf(exchange, state);
  return state.store.select(attributeTable, {
    where: 't0."attachment" = ?',
    params: [sysId],
    orderBy: 't0.rowid',
  });
}

/**
 * The attribute that the path names.
 * @throws Failure 404 without it or the attachment.
 */
function attributeOf(exchange: Exchange, state: InstanceState): Row {
  const found = attributesOf(exchange, state).find((row) => row['key'] === exchange.segments[3]);
  if (!found) throw noRecordFound();
  return found;
}

/** GET /attachment/{sys_id}/attributes */
export function listAttributes(exchange: Exchange, state: InstanceState): Answer {
  return { status: 200, json: { result: attributesOf(exchange, state).map(describeAttribute) } };
}

/** GET /attachment/{sys_id}/attributes/{key} */
export function getAttribute(exchange: Exchange, state: InstanceState): Answer {
  return { status: 200, json: { result: describeAttribute(attributeOf(exchange, state)) } };
}

const attribute = lazySchema((z) => z.object({ key: z.string().min(1), value: z.string() }));

/** POST /attachment/{sys_id}/attributes with `{"key","value"}`; a key that is there already is refused. */
export function addAttribute(exchange: Exchange, state: InstanceState): Answer {
  const { sys_id: attachment = '' } = attachmentToChange(exchange, state, 'write');
  const { key, value } = readBody(exchange, attribute());
  if (attributesOf(exchange, state).some((row) => row['key'] === key)) {
    throw new Failure(400, 'Attribute exists already', key);
  }
  const row = state.store.insert(attributeTable, { attachment, key, value }, exchange.user);
  return { status: 201, json: { result: describeAttribute(row) } };
}

const change = lazySchema((z) => z.object({ value: z.string() }));

/** PUT /attachment/{sys_id}/attributes/{key} with `{"value"}` */
export function updateAttribute(exchange: Exchange, state: InstanceState): Answer {
  attachmentToChange(exchange, state, 'write');
  const row = attributeOf(exchange, state);
  const { value } = readBody(exchange, change());
  state.store.update(attributeTable, row['sys_id'] ?? '', { value }, exchange.user);
  return { status: 200, json: { result: describeAttribute({ ...row, value }) } };
}

/** DELETE /attachment/{sys_id}/attributes */
export function deleteAttributes(exchange: Exchange, state: InstanceState): Answer {
  attachmentToChange(exchange, state, 'write');
  return remove(state, attributesOf(exchange, state));
}

/** DELETE /attachment/{sys_id}/attributes/{key} */
export function deleteAttribute(exchange: Exchange, state: InstanceState): Answer {
  attachmentToChange(exchange, state, 'write');
  return remove(state, [attributeOf(exchange, state)]);
}

function remove({ store }: InstanceState, rows: readonly Row[]): Answer {
  for (const row of rows) store.remove(attributeTable, row['sys_id'] ?? '');
  return { status: 204 };
}
