import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { link } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { makeFolder } from '../make-folder.ts';

const PIECE_BYTES = 256 * 1024;

/** A stretch of bytes on disk; an object is one of them, or one for each uploaded part. */
export type Blob = { readonly name: string; readonly size: number };

/** One that is being written. */
export type NewBlob = {
  readonly name: string;
  append(bytes: Uint8Array): void;
  close(): void;
};

/** A file's bytes from `start` to `end`, that one included. */
function* readPieces(path: string, start: number, end: number): Generator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    for (let at = start; at <= end; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end + 1 - at));
      const read = readSync(file, piece, 0, piece.length, at);
      if (read === 0) throw new Error(`${path} ends at ${at}, before ${end}`);
      yield piece.subarray(0, read);
      at += read;
    }
  } finally {
    closeSync(file);
  }
}

/** The bytes of all objects, each in a file that is written once and never changed. */
export class BlobFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    makeFolder(folder);
  }

  /** Opens a new one. Its bytes are written at once: going through the thread pool takes longer than the copy. */
  create(): NewBlob {
    const name = randomUUID();
    const file = openSync(this.#path(name), 'w');
    return { name, append: (bytes) => writeFileSync(file, bytes), close: () => closeSync(file) };
  }

  /** The bytes from `start` to `end`, both counted from 0 and included, across all blobs. */
  read(blobs: readonly Blob[], start: number, end: number): Readable {
    return Readable.from(this.#slices(blobs, start, end), { objectMode: false });
  }

  *#slices(blobs: readonly Blob[], start: number, end: number): Generator<Uint8Array> {
    let offset = 0;
    for (const blob of blobs) {
      const from = Math.max(start - offset, 0);
      const to = Math.min(end - offset, blob.size - 1);
      if (from <= to) yield* readPieces(this.#path(blob.name), from, to);
      offset += blob.size;
    }
  }

  /** The same bytes under other names, so that either object can go without the other. */
  async copy(blobs: readonly Blob[]): Promise<Blob[]> {
    const copies = blobs.map((blob) => ({ from: blob.name, name: randomUUID(), size: blob.size }));
    for (const copy of copies) await link(this.#path(copy.from), this.#path(copy.name));
    return copies.map(({ name, size }) => ({ name, size }));
  }

  remove(names: Iterable<string>): void {
    for (const name of names) rmSync(this.#path(name), { force: true });
  }

  /** Removes what no object refers to: the rest of uploads that a stop cut off. */
  removeAllBut(wanted: ReadonlySet<string>): void {
    this.remove(readdirSync(this.#folder).filter((name) => !wanted.has(name)));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
