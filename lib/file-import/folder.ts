import type { S3Client } from '@aws-sdk/client-s3';
import { deleteBelow, listObjects, readText, writeIfAbsent, writeObject } from '../aws/s3.ts';
import { joinObjects } from '../aws/s3-join.ts';
import { writeStream } from '../aws/s3-upload.ts';

/** An object below `work/`: its name in the folder, and its size in bytes. */
export type WorkObject = { readonly name: string; readonly size: number };

/** The objects of one import: its results, and below `work/` what is only needed until it ends. */
export type ImportFolder = {
  readonly bucket: string;
  /** Ends in `/`. */
  readonly prefix: string;
  read(name: string): Promise<string | undefined>;
  write(name: string, body: string | Uint8Array, contentType?: string): Promise<void>;
  /** Stores a JSON document where there is none of its name. @returns false when there was one */
  writeIfAbsent(name: string, json: string): Promise<boolean>;
  /** Stores pieces as one object without holding them all. */
  writeStream(name: string, pieces: AsyncIterable<Uint8Array>, contentType: string): Promise<void>;
  /** Everything below `work/`, in the order of the names. */
  listWork(): Promise<WorkObject[]>;
  /** Makes one object of some below `work/`, in the order given. */
  join(name: string, parts: readonly WorkObject[], contentType: string): Promise<void>;
  /** Removes everything below `work/`. */
  clearWork(): Promise<void>;
};

/** The folder below `results/` in which an import keeps what it knows and what it reports. */
export function importFolder(s3: S3Client, bucket: string, prefix: string): ImportFolder {
  const ref = (name: string) => ({ bucket, key: `${prefix}${name}` });
  return {
    bucket,
    prefix,
    read: async (name) => (await readText(s3, ref(name)))?.text,
    write: (name, body, contentType = 'application/json') => writeObject(s3, ref(name), body, contentType),
    writeIfAbsent: (name, json) => writeIfAbsent(s3, ref(name), json, 'application/json'),
    writeStream: (name, pieces, contentType) => writeStream(s3, ref(name), pieces, contentType),
    async listWork() {
      const work: WorkObject[] = [];
      for await (const { key, size } of listObjects(s3, bucket, `${prefix}work/`))
        work.push({ name: key.slice(prefix.length), size });
      return work;
    },
    join: (name, parts, contentType) => {
      const pieces = parts.map((part) => ({ key: `${prefix}${part.name}`, size: part.size }));
      return joinObjects(s3, ref(name), pieces, contentType);
    },
    clearWork: () => deleteBelow(s3, bucket, `${prefix}work/`),
  };
}

/** What is kept of a group. */
export type WorkKind = 'load' | 'rejected' | 'results' | 'failed' | 'unsent';

/** Whether an object below `work/` is of this kind. */
export function isOfKind(kind: WorkKind, name: string): boolean {
  return name.startsWith(`work/${kind}-`);
}

/** Names sort in the order of the groups. */
export function groupName(kind: WorkKind, group: number): string {
  return `work/${kind}-${String(group).padStart(6, '0')}.json`;
}
