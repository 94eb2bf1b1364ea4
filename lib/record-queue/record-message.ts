import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import { parseJson } from '../core/parse-json.ts';
import { tableName } from '../operations/parameters.ts';
import { sysId as sysIdRule } from '../servicenow/names.ts';

const sysId = z
  .string('required; the sys_id of the record')
  .check(z.regex(sysIdRule.pattern, sysIdRule.rule));

const record = z.record(z.string(), z.unknown(), 'required; a JSON object of column names and values');

const match = z
  .record(
    z.string().check(z.regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/)),
    z.string('must be text').check(z.regex(/\S/, 'empty; a column to match has a value')),
    {
      error: ({ code }) =>
        code === 'invalid_key'
          ? 'not the name of a column'
          : 'required; a JSON object of columns and the values that find the record',
    },
  )
  .check(z.refine((columns) => Object.keys(columns).length > 0, 'names no column'));

const common = {
  table: tableName,
  /** Names this piece of work; a second message with the same key changes nothing. */
  key: z.optional(
    z.string('must be text').check(z.minLength(1, 'empty'), z.maxLength(512, '512 characters at most')),
  ),
  /** The instance, where a deployment has several. */
  instance: z.optional(z.string('must be text')),
  options: z.optional(z.strictObject({ inputDisplayValue: z.optional(z.boolean('true or false')) })),
};

/** What a message on the records queue may say, by its action. */
export const recordMessage = z.discriminatedUnion(
  'action',
  [
    z.strictObject({ action: z.literal('create'), ...common, record }),
    z.strictObject({ action: z.literal('update'), ...common, sysId, record }),
    z.strictObject({ action: z.literal('upsert'), ...common, match, record }),
    z.strictObject({ action: z.literal('delete'), ...common, sysId }),
  ],
  'create, update, upsert or delete',
);

export type RecordMessage = z.output<typeof recordMessage>;

/**
 * Reads the body of a message; without an action it is a create.
 * @throws InvalidInputError naming the path that is wrong
 */
export function parseRecordMessage(body: string): RecordMessage {
  const given = parseObject(body);
  const parsed = z.safeParse(recordMessage, { action: 'create', ...given });
  if (parsed.success) return refuseOwnIdentity(parsed.data);
  const issue = parsed.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].map(String).join('.');
  throw new InvalidInputError(
    path || 'body',
    unknown === undefined ? (issue?.message ?? 'invalid') : 'unknown here',
  );
}

function parseObject(body: string): object {
  try {
    const parsed = parseJson(body);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // The parser's message quotes the body, which may hold what must not be told.
    throw new InvalidInputError('body', 'not valid JSON');
  }
  throw new InvalidInputError('body', 'must be a JSON object');
}

/** The sys_id of a record that is created once comes from its key; another one would break that. */
function refuseOwnIdentity(message: RecordMessage): RecordMessage {
  const creates = message.action === 'create' || message.action === 'upsert';
  if (!creates || message.record['sys_id'] === undefined) return message;
  throw new InvalidInputError(
    'record.sys_id',
    'is derived from the key; give what identifies the record as "key"',
  );
}
