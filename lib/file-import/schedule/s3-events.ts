import * as z from 'zod/mini';
import { InvalidInputError } from '../../core/errors.ts';
import { type Drop, type NotADrop, parseDropKey } from './drop-key.ts';
import type { ObjectIdentity } from './import-request.ts';

/** An object that an S3 event announces. */
export type DroppedObject = ObjectIdentity & {
  readonly size: number;
  /** ISO time. */
  readonly droppedAt: string;
};

/** What an S3 event says of one object: an import to start, or the reason why there is none. */
export type DropNotice = { readonly object: DroppedObject } & ({ readonly drop: Drop } | NotADrop);

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
        eventTime: z.string().check(z.refine((time) => !Number.isNaN(Date.parse(time)), 'is not a time')),
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
 * @throws InvalidInputError when the body is no such event
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

function noticeOf({ eventName, eventTime, s3 }: S3Record): DropNotice {
  const { versionId, eTag = '', size = 0, sequencer = '' } = s3.object;
  const object = {
    bucket: s3.bucket.name,
    key: decodeKey(s3.object.key),
    ...(versionId && versionId !== 'null' ? { versionId } : {}),
    eTag: eTag.replaceAll('"', ''),
    size,
    droppedAt: new Date(eventTime).toISOString(),
    sequencer,
  };
  if (!eventName.includes('ObjectCreated:')) return { object, ignored: `event ${eventName}` };
  const parsed = parseDropKey(object.key);
  return 'table' in parsed ? { object, drop: parsed } : { object, ...parsed };
}

/** Keys in events are form-encoded: `+` is a space, the rest is percent-encoded UTF-8. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch (cause) {
    throw new InvalidInputError('s3.object.key', 'is not percent-encoded UTF-8', { cause });
  }
}

/** Sequencers are hexadecimal, about 16 to 32 digits long. */
const sequencerWidth = 64;

/**
 * An S3 event sequencer in a form that sorts as text, for objects of one key. Sequencers may differ in length; S3 says to pad the
 * shorter one with zeros on the right before comparing (S3 User Guide, "Event message structure"). Sequencers of different
 * keys say nothing about each other.
 */
export function sortableSequencer(sequencer: string): string {
  return sequencer.toLowerCase().padEnd(sequencerWidth, '0');
}
