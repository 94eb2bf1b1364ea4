import * as z from 'zod/mini';
import { InvalidInputError } from '../../core/errors.ts';
import { type Drop, type NotADrop, parseDropKey } from './drop-key.ts';
import type { ImportRequest } from './import-request.ts';

/** One object that an S3 event names: an import to start, or the reason why there is nothing to do. */
export type DropNotice = { readonly key: string } & ({ readonly request: ImportRequest } | NotADrop);

const objectSchema = z.object({
  key: z.string(),
  size: z.optional(z.number()),
  eTag: z.optional(z.string()),
  versionId: z.optional(z.string()),
  sequencer: z.optional(z.string()),
});

const eventSchema = z.object({
  Records: z.optional(
    z.array(
      z.object({
        eventName: z.string(),
        eventTime: z.string(),
        s3: z.object({ bucket: z.object({ name: z.string() }), object: objectSchema }),
      }),
    ),
  ),
  Event: z.optional(z.string()),
});

type S3Record = NonNullable<z.infer<typeof eventSchema>['Records']>[number];

/**
 * Reads the body of an SQS message that carries an S3 event notification.
 * The `s3:TestEvent` that S3 sends when a notification is set up gives an empty list.
 * @throws InvalidInputError when the body is no such event.
 */
export function parseS3Event(body: string): DropNotice[] {
  const event = eventSchema.safeParse(parseJson(body));
  if (!event.success) throw new InvalidInputError('body', 'is not an S3 event notification');
  if (event.data.Event === 's3:TestEvent') return [];
  if (!event.data.Records) throw new InvalidInputError('body.Records', 'is missing');
  return event.data.Records.map(noticeOf);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new InvalidInputError('body', 'is not JSON', { cause });
  }
}

function noticeOf(record: S3Record): DropNotice {
  const key = decodeKey(record.s3.object.key);
  if (!record.eventName.includes('ObjectCreated:')) return { key, ignored: `event ${record.eventName}` };
  const drop = parseDropKey(key);
  if ('ignored' in drop) return { key, ignored: drop.ignored };
  if (record.s3.object.size === 0) return { key, ignored: 'an empty object' };
  return { key, request: requestOf(record, key, drop) };
}

function requestOf(record: S3Record, key: string, drop: Drop): ImportRequest {
  const { object, bucket } = record.s3;
  return {
    bucket: bucket.name,
    key,
    ...(object.versionId && object.versionId !== 'null' ? { versionId: object.versionId } : {}),
    eTag: (object.eTag ?? '').replaceAll('"', ''),
    size: object.size ?? 0,
    table: drop.table,
    droppedAt: record.eventTime,
    sequencer: object.sequencer ?? '',
  };
}

/** Keys in events are form-encoded: `+` is a space, the rest is percent-encoded UTF-8. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch (cause) {
    throw new InvalidInputError('s3.object.key', 'is not percent-encoded UTF-8', { cause });
  }
}
