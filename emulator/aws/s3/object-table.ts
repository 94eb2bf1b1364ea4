import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { cachedStatements } from '../database.ts';

const Blobs = z.array(z.object({ name: z.string(), size: z.number() }));
const Headers = z.record(z.string(), z.string());
const Row = z
  .object({
    seq: z.number(),
    bucket: z.string(),
    key: z.string(),
    version_id: z.string(),
    latest: z.number(),
    delete_marker: z.number(),
    etag: z.string(),
    size: z.number(),
    modified_ms: z.number(),
    headers: z.string(),
    blobs: z.string(),
    sequencer: z.string(),
  })
  .transform((row) => ({
    seq: row.seq,
    bucket: row.bucket,
    key: row.key,
    versionId: row.version_id,
    latest: row.latest === 1,
    deleteMarker: row.delete_marker === 1,
    etag: row.etag,
    size: row.size,
    modifiedMs: row.modified_ms,
    headers: Headers.parse(JSON.parse(row.headers)),
    blobs: Blobs.parse(JSON.parse(row.blobs)),
    sequencer: row.sequencer,
  }));

/** One version of an object, or a delete marker. `etag` has no quotes; `versionId` is `null` (the word) without versioning. */
export type StoredObject = z.output<typeof Row>;
export type NewObject = Omit<StoredObject, 'seq' | 'latest'>;

/** Sorts after every key that begins with what stands before it. */
const LAST_CHARACTER = '\u{10FFFF}';

/** All versions of all objects. Changes that touch `latest` belong in one transaction. */
export class ObjectTable {
  readonly #statement: (sql: string) => StatementSync;

  constructor(database: DatabaseSync) {
    this.#statement = cachedStatements(database);
  }

  latest(bucket: string, key: string): StoredObject | undefined {
    const row = this.#statement('SELECT * FROM object WHERE bucket = ? AND key = ? AND latest = 1').get(
      bucket,
      key,
    );
    return row && Row.parse(row);
  }

  version(bucket: string, key: string, versionId: string): StoredObject | undefined {
    const row = this.#statement('SELECT * FROM object WHERE bucket = ? AND key = ? AND version_id = ?').get(
      bucket,
      key,
      versionId,
    );
    return row && Row.parse(row);
  }

  /** Becomes the latest version of its key. */
  insert(object: NewObject): StoredObject {
    this.#statement('UPDATE object SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1').run(
      object.bucket,
      object.key,
    );
    const inserted = this.#statement('INSERT INTO object VALUES (NULL, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)').run(
      object.bucket,
      object.key,
      object.versionId,
      object.deleteMarker ? 1 : 0,
      object.etag,
      object.size,
      object.modifiedMs,
      JSON.stringify(object.headers),
      JSON.stringify(object.blobs),
      object.sequencer,
    );
    return { ...object, seq: Number(inserted.lastInsertRowid), latest: true };
  }

  /** Changes what is known of a version that is there. */
  setHeaders({ seq }: StoredObject, headers: Readonly<Record<string, string>>): void {
    this.#statement('UPDATE object SET headers = ? WHERE seq = ?').run(JSON.stringify(headers), seq);
  }

  /** Takes one version away; the newest of the rest becomes the latest. */
  remove(object: StoredObject): void {
    this.#statement('DELETE FROM object WHERE seq = ?').run(object.seq);
    this.#statement(
      `UPDATE object SET latest = 1 WHERE seq =
          (SELECT max(seq) FROM object WHERE bucket = :bucket AND key = :key)`,
    ).run({ bucket: object.bucket, key: object.key });
  }

  /** Objects whose key begins with `prefix` and comes after `after`, in the order of their UTF-8 bytes. */
  *list(bucket: string, prefix: string, after: string): Generator<StoredObject> {
    const rows = this.#statement(
      `SELECT * FROM object WHERE bucket = ? AND key >= ? AND key < ? AND key > ?
          AND latest = 1 AND delete_marker = 0 ORDER BY key`,
    ).iterate(bucket, prefix, prefix + LAST_CHARACTER, after);
    for (const row of rows) yield Row.parse(row);
  }

  /** All versions, newest first within a key. */
  *listVersions(bucket: string, prefix: string): Generator<StoredObject> {
    const rows = this.#statement(
      'SELECT * FROM object WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key, seq DESC',
    ).iterate(bucket, prefix, prefix + LAST_CHARACTER);
    for (const row of rows) yield Row.parse(row);
  }
}
