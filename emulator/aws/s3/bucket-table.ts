import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { cachedStatements } from '../database.ts';

const NotificationRule = z.object({
  id: z.string(),
  queueArn: z.string(),
  /** As configured, e.g. `s3:ObjectCreated:*`. */
  events: z.array(z.string()),
  prefix: z.string(),
  suffix: z.string(),
});
const Row = z.object({
  name: z.string(),
  created_ms: z.number(),
  versioning: z.enum(['', 'Enabled', 'Suspended']),
  notifications: z.string().transform((json) => z.array(NotificationRule).parse(JSON.parse(json))),
});

const EncryptionRow = z.object({ algorithm: z.string(), kms_key: z.string() });

/** How a bucket encrypts its objects. */
export type Encryption = {
  /** `AES256`, which every bucket has from its beginning, or `aws:kms`. */
  readonly algorithm: string;
  /** The id, ARN or alias of a KMS key; `''` for that of AWS. */
  readonly kmsKey: string;
};

/** Which events of which keys go to which queue. */
export type NotificationRule = z.output<typeof NotificationRule>;
/** `''` means that versioning was never switched on. */
export type Versioning = z.output<typeof Row>['versioning'];
export type Bucket = {
  readonly name: string;
  readonly createdMs: number;
  readonly versioning: Versioning;
  readonly notifications: readonly NotificationRule[];
};

/** The buckets and how each is set up. */
export class BucketTable {
  readonly #statement: (sql: string) => StatementSync;
  /** As they were read last: every call asks for one several times, and they change seldom. */
  readonly #known = new Map<string, Bucket>();

  constructor(database: DatabaseSync) {
    this.#statement = cachedStatements(database);
  }

  list(): Bucket[] {
    return this.#statement('SELECT * FROM bucket ORDER BY name').all().map(toBucket);
  }

  find(name: string): Bucket | undefined {
    const known = this.#known.get(name);
    if (known) return known;
    const row = this.#statement('SELECT * FROM bucket WHERE name = ?').get(name);
    const bucket = row && toBucket(row);
    if (bucket) this.#known.set(name, bucket);
    return bucket;
  }

  /** @throws {AwsError} NoSuchBucket */
  get(name: string): Bucket {
    const bucket = this.find(name);
    if (!bucket) throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404);
    return bucket;
  }

  /** Creates it when it is not there. */
  ensure(name: string, createdMs: number): void {
    this.#statement('INSERT OR IGNORE INTO bucket (name, created_ms) VALUES (?, ?)').run(name, createdMs);
  }

  setVersioning(name: string, versioning: Versioning): void {
    this.#statement('UPDATE bucket SET versioning = ? WHERE name = ?').run(versioning, name);
    this.#known.delete(name);
  }

  /** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html */
  encryption(name: string): Encryption {
    const row = this.#statement('SELECT * FROM bucket_encryption WHERE bucket = ?').get(name);
    if (!row) return { algorithm: 'AES256', kmsKey: '' };
    const { algorithm, kms_key: kmsKey } = EncryptionRow.parse(row);
    return { algorithm, kmsKey };
  }

  setEncryption(name: string, { algorithm, kmsKey }: Encryption): void {
    this.#statement('INSERT OR REPLACE INTO bucket_encryption VALUES (?, ?, ?)').run(name, algorithm, kmsKey);
  }

  setNotifications(name: string, rules: readonly NotificationRule[]): void {
    this.#statement('UPDATE bucket SET notifications = ? WHERE name = ?').run(JSON.stringify(rules), name);
    this.#known.delete(name);
  }
}

function toBucket(row: unknown): Bucket {
  const { name, created_ms, versioning, notifications } = Row.parse(row);
  return { name, createdMs: created_ms, versioning, notifications };
}
