import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Takes bytes as they pass and gives the digest in base64 at the end. */
export type Checksum = { update(chunk: Uint8Array): void; digest(): string };

const ALGORITHMS: Readonly<Record<string, () => Checksum>> = {
  'x-amz-checksum-crc32': crc32Checksum,
  'x-amz-checksum-sha1': () => hashChecksum('sha1'),
  'x-amz-checksum-sha256': () => hashChecksum('sha256'),
};

/** Headers whose digest we can compute. Other algorithms (CRC32C, CRC64NVME) are taken on trust and not given back. */
export const CHECKSUM_HEADERS: readonly string[] = Object.keys(ALGORITHMS);

/** @throws {TypeError} for a header that is not in CHECKSUM_HEADERS. */
export function startChecksum(headerName: string): Checksum {
  const start = ALGORITHMS[headerName];
  if (!start) throw new TypeError(`${headerName} is none of ours`);
  return start();
}

function crc32Checksum(): Checksum {
  let value = 0;
  return {
    update(chunk) {
      value = crc32(chunk, value);
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes.toString('base64');
    },
  };
}

function hashChecksum(algorithm: string): Checksum {
  const hash = createHash(algorithm);
  return {
    update(chunk) {
      hash.update(chunk);
    },
    digest: () => hash.digest('base64'),
  };
}
