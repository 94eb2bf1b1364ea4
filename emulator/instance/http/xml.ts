import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Loaded by the first XML: few runs of the instance see any, and its start is held to a limit. */
const library = (): typeof import('fast-xml-parser') => require('fast-xml-parser');

/** An answer as XML: the keys of the JSON answer below `<response>`, one `<result>` per record. */
export function toXml(json: unknown): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${new (library().XMLBuilder)({ suppressEmptyNode: true }).build({ response: json })}`;
}

/**
 * The record in an XML body: what stands in the first `<entry>` below the root, or directly below the root.
 * @throws Error when it is not well-formed.
 */
export function fromXml(text: string): unknown {
  const document: unknown = new (library().XMLParser)({ parseTagValue: false, ignoreAttributes: true }).parse(
    text,
    true,
  );
  const root = Object.entries(isObject(document) ? document : {}).find(
    ([name]) => !name.startsWith('?'),
  )?.[1];
  if (!isObject(root)) return {};
  return 'entry' in root ? root['entry'] : root;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
