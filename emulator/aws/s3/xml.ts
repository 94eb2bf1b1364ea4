import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { XMLBuilder, XMLParser } from 'fast-xml-parser';
import type * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import type { S3Answer } from './exchange.ts';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const builder = new XMLBuilder({ ignoreAttributes: false, suppressEmptyNode: true });
const parser = new XMLParser({ parseTagValue: false, ignoreDeclaration: true });

/** A document with one root; an array becomes repeated elements, `undefined` nothing. */
export function xmlAnswer(root: string, content: object, status = 200): S3Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build({ [root]: { '@_xmlns': NAMESPACE, ...content } })}`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

/** The error document of S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). */
export function xmlError(error: AwsError, resource: string): S3Answer {
  const content = { Code: error.code, Message: error.message, Resource: resource };
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build({ Error: content })}`;
  return { status: error.status, headers: { 'content-type': 'application/xml' }, body };
}

/**
 * Reads a request's XML against a schema of the whole document.
 * @throws {AwsError} MalformedXML
 */
export async function readXml<Schema extends z.ZodType>(
  body: Readable,
  schema: Schema,
): Promise<z.output<Schema>> {
  const parsed = schema.safeParse(parser.parse(await text(body)));
  if (!parsed.success) {
    throw new AwsError('MalformedXML', 'The XML you provided was not well-formed or did not validate.');
  }
  return parsed.data;
}

/** An element that XML cannot distinguish from a list of one. */
export function oneOrMany(value: unknown): unknown {
  if (value === undefined || value === '') return [];
  return Array.isArray(value) ? value : [value];
}
