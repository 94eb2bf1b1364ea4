import { XMLBuilder, XMLParser } from 'fast-xml-parser';

const builder = new XMLBuilder({ suppressEmptyNode: true });
const parser = new XMLParser({ parseTagValue: false, ignoreAttributes: true });

/** An answer as XML: the keys of the JSON answer below `<response>`, one `<result>` per record. */
export function toXml(json: unknown): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${builder.build({ response: json })}`;
}

/**
 * The record in an XML body: what stands in the first `<entry>` below the root, or directly below the root.
 * @throws Error when it is not well-formed.
 */
export function fromXml(text: string): unknown {
  const document: unknown = parser.parse(text, true);
  const root = Object.entries(isObject(document) ? document : {}).find(
    ([name]) => !name.startsWith('?'),
  )?.[1];
  if (!isObject(root)) return {};
  return 'entry' in root ? root['entry'] : root;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
