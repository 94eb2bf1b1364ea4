import type { S3Client } from '@aws-sdk/client-s3';
import { deleteBelow, readPieces, readText, writeObject } from '../aws/s3.ts';
import { writeStream } from '../aws/s3-upload.ts';

/** The objects of one import: its results, and below `work/` what is only needed until it ends. */
export type ImportFolder = {
  readonly bucket: string;
  /** Ends in `/`. */
  readonly prefix: string;
  read(name: string): Promise<string | undefined>;
  /** What is stored, as it comes in. */
  readPieces(name: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  write(name: string, body: string | Uint8Array, contentType?: string): Promise<void>;
  /** Stores pieces as one object without holding them all. */
  writeStream(name: string, pieces: AsyncIterable<Uint8Array>, contentType: string): Promise<void>;
  /** Removes everything below `work/`. */
  clearWork(): Promise<void>;
};

export function importFolder(s3: S3Client, bucket: string, prefix: string): ImportFolder {
  const ref = (name: string) => ({ bucket, key: `${prefix}${name}` });
  return {
    bucket,
    prefix,
    read: async (name) => (await readText(s3, ref(name)))?.text,
    readPieces: (name) => readPieces(s3, ref(name)),
    write: (name, body, contentType = 'application/json') => writeObject(s3, ref(name), body, contentType),
    writeStream: (name, pieces, contentType) => writeStream(s3, ref(name), pieces, contentType),
    clearWork: () => deleteBelow(s3, bucket, `${prefix}work/`),
  };
}

/** Names sort in the order of the groups. */
export function groupName(kind: 'load' | 'rejected' | 'results' | 'failed', group: number): string {
  return `work/${kind}-${String(group).padStart(6, '0')}.json`;
}
