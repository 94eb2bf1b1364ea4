import { createHash } from 'node:crypto';
import * as z from 'zod';

/** As on the wire: binary values are base64. */
const MessageAttribute = z.object({
  DataType: z.string().regex(/^(String|Number|Binary)(\..+)?$/),
  StringValue: z.string().optional(),
  BinaryValue: z.string().optional(),
});
export const MessageAttributes = z.record(z.string(), MessageAttribute);

type MessageAttribute = z.output<typeof MessageAttribute>;
export type MessageAttributes = z.output<typeof MessageAttributes>;

/**
 * MD5 over names, types and values, which the caller can compare with its own.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
 */
export function md5OfAttributes(attributes: MessageAttributes): string {
  const hash = createHash('md5');
  const names = Object.keys(attributes).sort();
  for (const name of names) {
    const attribute = attributes[name];
    if (!attribute) continue;
    const binary = attribute.BinaryValue !== undefined;
    hash.update(withLength(Buffer.from(name)));
    hash.update(withLength(Buffer.from(attribute.DataType)));
    hash.update(Uint8Array.of(binary ? 2 : 1));
    hash.update(withLength(attributeValue(attribute)));
  }
  return hash.digest('hex');
}

/** Bytes that count toward the size of a message: its body and the names, types and values of its attributes. */
export function messageBytes(body: string, attributes: MessageAttributes): number {
  const sizes = Object.entries(attributes).map(
    ([name, attribute]) =>
      Buffer.byteLength(name) + Buffer.byteLength(attribute.DataType) + attributeValue(attribute).length,
  );
  return sizes.reduce((sum, size) => sum + size, Buffer.byteLength(body));
}

function attributeValue(attribute: MessageAttribute): Buffer {
  if (attribute.BinaryValue !== undefined) return Buffer.from(attribute.BinaryValue, 'base64');
  return Buffer.from(attribute.StringValue ?? '');
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
