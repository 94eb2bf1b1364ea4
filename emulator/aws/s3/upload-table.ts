import { randomBytes } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { cachedStatements } from '../database.ts';

const UploadRow = z.object({
  id: z.string(),
  bucket: z.string(),
  key: z.string(),
  headers: z.string().transform((json) => z.record(z.string(), z.string()).parse(JSON.parse(json))),
  begun_ms: z.number(),
});
const PartRow = z.object({ number: z.number(), etag: z.string(), blob: z.string(), size: z.number() });

export type Upload = z.output<typeof UploadRow>;
export type Part = z.output<typeof PartRow>;

/** Multipart uploads that are neither complete nor given up. */
export class UploadTable {
  readonly #statement: (sql: string) => StatementSync;

  constructor(database: DatabaseSync) {
    this.#statement = cachedStatements(database);
  }

  /** @returns the upload's id */
  create(bucket: string, key: string, headers: Record<string, string>, begunMs: number): string {
    const id = randomBytes(24).toString('base64url');
    this.#statement('INSERT INTO begun_upload VALUES (?, ?, ?, ?, ?)').run(
      id,
      bucket,
      key,
      JSON.stringify(headers),
      begunMs,
    );
    return id;
  }

  /** @throws {AwsError} NoSuchUpload */
  get(id: string, bucket: string, key: string): Upload {
    const row = this.#statement('SELECT * FROM begun_upload WHERE id = ? AND bucket = ? AND key = ?').get(
      id,
      bucket,
      key,
    );
    if (!row) throw new AwsError('NoSuchUpload', 'The specified upload does not exist.', 404);
    return UploadRow.parse(row);
  }

  /** @returns the part that had this number before */
  putPart(upload: Upload, part: Part): Part | undefined {
    const before = this.parts(upload).find(({ number }) => number === part.number);
    this.#statement('INSERT OR REPLACE INTO uploaded_part VALUES (?, ?, ?, ?, ?)').run(
      upload.id,
      part.number,
      part.etag,
      part.blob,
      part.size,
    );
    return before;
  }

  parts(upload: Upload): Part[] {
    return this.#statement(
      'SELECT number, etag, blob, size FROM uploaded_part WHERE upload = ? ORDER BY number',
    )
      .all(upload.id)
      .map((row) => PartRow.parse(row));
  }

  remove(upload: Upload): void {
    this.#statement('DELETE FROM uploaded_part WHERE upload = ?').run(upload.id);
    this.#statement('DELETE FROM begun_upload WHERE id = ?').run(upload.id);
  }
}
