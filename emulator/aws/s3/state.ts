import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { inTransaction, openDatabase } from '../database.ts';
import type { Log } from '../log.ts';
import { type Blob, BlobFolder } from './blob-folder.ts';
import { BucketTable } from './bucket-table.ts';
import type { EventPlan } from './event-faults.ts';
import { eventMessage, type ObjectEvent, wants } from './notification.ts';
import { type NewObject, ObjectTable, type StoredObject } from './object-table.ts';
import { type Deliver, Outbox } from './outbox.ts';
import { type Part, type Upload, UploadTable } from './upload-table.ts';

/** What S3 keeps in addition to the bytes. `latest` marks the version that a plain GET of the key meets. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS bucket (
    name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, versioning TEXT NOT NULL DEFAULT '', notifications TEXT NOT NULL DEFAULT '[]'
  ) STRICT;
  CREATE TABLE IF NOT EXISTS bucket_encryption (
    bucket TEXT PRIMARY KEY REFERENCES bucket (name), algorithm TEXT NOT NULL, kms_key TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL REFERENCES bucket (name), key TEXT NOT NULL, version_id TEXT NOT NULL,
    latest INTEGER NOT NULL, delete_marker INTEGER NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL, modified_ms INTEGER NOT NULL,
    headers TEXT NOT NULL, blobs TEXT NOT NULL, sequencer TEXT NOT NULL, UNIQUE (bucket, key, version_id)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS object_by_key ON object (bucket, key, seq);
  CREATE TABLE IF NOT EXISTS begun_upload (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL, begun_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS uploaded_part (
    upload TEXT NOT NULL REFERENCES begun_upload (id), number INTEGER NOT NULL, etag TEXT NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, queue_arn TEXT NOT NULL, body TEXT NOT NULL
  ) STRICT;
`;

const TICKS_PER_MS = 65_536n;
const Row = z.object({ last: z.string().nullable() });

/**
 * Gives the `sequencer` of events: upper-case hex that rises with every change, also over a restart and with a clock
 * that stands still. https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
class Sequencer {
  readonly #clock: Clock;
  #last: bigint;

  constructor(database: DatabaseSync, clock: Clock) {
    this.#clock = clock;
    const { last } = Row.parse(database.prepare('SELECT max(sequencer) AS last FROM object').get());
    this.#last = last === null ? 0n : BigInt(`0x${last}`);
  }

  next(): string {
    const now = BigInt(this.#clock.now()) * TICKS_PER_MS;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last.toString(16).toUpperCase().padStart(18, '0');
  }
}

/** What a write brings: the bytes are on disk already. */
export type Content = {
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly blobs: readonly Blob[];
  /** When its upload began, if it came in parts: what S3 dates an object by. @default now */
  readonly begunMs?: number;
  /** Who stores it. @default the account */
  readonly storedBy?: string;
};

type Insertion = { readonly stored: StoredObject; readonly replaced: StoredObject | undefined };

/** Everything that S3 holds: a database and a folder of blobs. */
export class S3State {
  readonly clock: Clock;
  readonly buckets: BucketTable;
  readonly objects: ObjectTable;
  readonly uploads: UploadTable;
  readonly blobs: BlobFolder;
  readonly outbox: Outbox;
  readonly #database: DatabaseSync;
  readonly #sequencer: Sequencer;
  readonly #log: Log;
  readonly #eventPlan: EventPlan;
  readonly #closing = new AbortController();
  #nextDeliveryMs = Infinity;

  /** @param databaseFile what is not bytes, by default `s3.db` in the folder */
  constructor(
    folder: string,
    deliver: Deliver,
    clock: Clock,
    log: Log,
    eventPlan: EventPlan,
    databaseFile = join(folder, 's3.db'),
  ) {
    this.clock = clock;
    this.#log = log;
    this.#eventPlan = eventPlan;
    this.#database = openDatabase(databaseFile, TABLES);
    this.buckets = new BucketTable(this.#database);
    this.objects = new ObjectTable(this.#database);
    this.uploads = new UploadTable(this.#database);
    this.blobs = new BlobFolder(join(folder, 'blobs'));
    this.outbox = new Outbox(this.#database, deliver);
    this.#sequencer = new Sequencer(this.#database, clock);
    this.blobs.removeAllBut(this.#blobsInUse());
  }

  /** Delivers what waits. An event that cannot be delivered waits for the next change or start: the change itself stands. */
  deliverEvents(): void {
    try {
      this.#deliverAt(this.outbox.flush(this.clock.now()));
    } catch (error) {
      this.#log.error('event-not-delivered', { reason: String(error) });
    }
  }

  /**
   * Puts an object at its key, in the way the bucket's versioning says, and sends the event. `guard` sees what the key holds
   * at that very moment and may throw.
   */
  put(
    bucketName: string,
    key: string,
    content: Content,
    event: ObjectEvent,
    guard: (current: StoredObject | undefined) => void = () => {},
  ): StoredObject {
    return this.#replace(() => {
      guard(this.current(bucketName, key));
      return this.#insert(bucketName, key, content, event, false);
    });
  }

  /** Adds a part to an upload, in the place of one with the same number. */
  putPart(upload: Upload, part: Part): void {
    const before = this.uploads.putPart(upload, part);
    if (before) this.blobs.remove([before.blob]);
  }

  /** A plain DELETE: a marker in a versioned bucket, else the object itself. Returns the marker, when there is one. */
  delete(bucketName: string, key: string): StoredObject | undefined {
    const { versioning } = this.buckets.get(bucketName);
    if (versioning === '') {
      const object = this.objects.latest(bucketName, key);
      if (object) this.deleteVersion(object);
      return undefined;
    }
    const nothing = { etag: '', headers: {}, blobs: [] };
    return this.#replace(() =>
      this.#insert(bucketName, key, nothing, 'ObjectRemoved:DeleteMarkerCreated', true),
    );
  }

  /** Takes one version away for good. */
  deleteVersion(object: StoredObject): void {
    this.change(() => {
      this.objects.remove(object);
      const sequencer = this.#sequencer.next();
      this.#notify('ObjectRemoved:Delete', { ...object, sequencer, modifiedMs: this.clock.now() });
    });
    this.blobs.remove(object.blobs.map(({ name }) => name));
  }

  /** What a GET without a version meets; a delete marker is nothing. */
  current(bucket: string, key: string): StoredObject | undefined {
    const latest = this.objects.latest(bucket, key);
    return latest?.deleteMarker ? undefined : latest;
  }

  /** Runs `work` in one transaction, then sends the events it caused. */
  change<T>(work: () => T): T {
    const result = inTransaction(this.#database, work);
    this.deliverEvents();
    return result;
  }

  close(): void {
    this.#closing.abort();
    this.#database.close();
  }

  /** Files go only after the change is sure: a stop in between leaves bytes too many, never too few. */
  #replace(insert: () => Insertion): StoredObject {
    const { stored, replaced } = this.change(insert);
    this.blobs.remove((replaced?.blobs ?? []).map(({ name }) => name));
    return stored;
  }

  #insert(
    bucket: string,
    key: string,
    content: Content,
    event: ObjectEvent,
    deleteMarker: boolean,
  ): Insertion {
    const versionId = this.buckets.get(bucket).versioning === 'Enabled' ? newVersionId() : 'null';
    const replaced = this.objects.version(bucket, key, versionId);
    if (replaced) this.objects.remove(replaced);
    const object: NewObject = {
      bucket,
      key,
      versionId,
      deleteMarker,
      etag: content.etag,
      size: content.blobs.reduce((sum, { size }) => sum + size, 0),
      modifiedMs: content.begunMs ?? this.clock.now(),
      headers: { ...content.headers },
      blobs: [...content.blobs],
      sequencer: this.#sequencer.next(),
    };
    const stored = this.objects.insert(object);
    this.#notify(event, object, content.storedBy);
    return { stored, replaced };
  }

  #notify(event: ObjectEvent, object: NewObject, by?: string): void {
    for (const rule of this.buckets.get(object.bucket).notifications) {
      if (!wants(rule, event, object.key)) continue;
      const body = eventMessage(rule, event, object, by);
      for (const copy of this.#eventPlan(body))
        this.outbox.add(rule.queueArn, copy.body, this.clock.now() + copy.delayMs);
    }
  }

  #deliverAt(dueMs: number | undefined): void {
    if (dueMs === undefined || dueMs >= this.#nextDeliveryMs) return;
    this.#nextDeliveryMs = dueMs;
    const waited = this.clock.sleep(Math.max(0, dueMs - this.clock.now()), this.#closing.signal);
    waited.then(
      () => {
        if (this.#nextDeliveryMs === dueMs) this.#nextDeliveryMs = Infinity;
        if (!this.#closing.signal.aborted) this.deliverEvents();
      },
      () => undefined,
    );
  }

  #blobsInUse(): Set<string> {
    const rows = this.#database
      .prepare(
        `SELECT json_extract(one.value, '$.name') AS name FROM object, json_each(object.blobs) AS one
          UNION SELECT blob FROM uploaded_part`,
      )
      .all();
    return new Set(rows.map((row) => z.object({ name: z.string() }).parse(row).name));
  }
}

function newVersionId(): string {
  return randomBytes(24).toString('base64url');
}
