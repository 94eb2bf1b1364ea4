import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';

const UploadRow = z.object({
  id: z.string(),
  bucket: z.string(),
  key: z.string(),
  headers: z.string().transform((json) => z.record(z.string(), z.string()).parse(JSON.parse(json))),
});
const PartRow = z.object({ number: z.number(), etag: z.string(), blob: z.string(), size: z.number() });

export type Upload = z.output<typeof UploadRow>;
export type Part = z.output<typeof PartRow>;

/** Multipart uploads that are neither complete nor given up. */
export class UploadTable {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @returns the upload's id */
  create(bucket: string, key: string, headers: Record<string, string>): string {
    const id = randomBytes(24).toString('base64url');
    this.#database
      .prepare('INSERT INTO upload VALUES (?, ?, ?, ?)')
      .run(id, bucket, key, JSON.stringify(headers));
    return id;
  }

  /** @throws {AwsError} NoSuchUpload */
  get(id: string, bucket: string, key: string): Upload {
    const row = this.#database
      .prepare('SELECT * FROM upload WHERE id = ? AND bucket = ? AND key = ?')
      .get(id, bucket, key);
    if (!row) throw new AwsError('NoSuchUpload', 'The specified upload does not exist.', 404);
    return UploadRow.parse(row);
  }

  /** @returns the part that had this number before */
  putPart(upload: Upload, part: Part): Part | undefined {
    const before = this.parts(upload).find(({ number }) => number === part.number);
    this.#database
      .prepare('INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?)')
      .run(upload.id, part.number, part.etag, part.blob, part.size);
    return before;
  }

  parts(upload: Upload): Part[] {
    return this.#database
      .prepare('SELECT number, etag, blob, size FROM part WHERE upload = ? ORDER BY number')
      .all(upload.id)
      .map((row) => PartRow.parse(row));
  }

  remove(upload: Upload): void {
    this.#database.prepare('DELETE FROM part WHERE upload = ?').run(upload.id);
    this.#database.prepare('DELETE FROM upload WHERE id = ?').run(upload.id);
  }
}
