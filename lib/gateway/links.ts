/** A URL of the instance's REST API as one of ours; anything else is returned unchanged. */
export function toOurs(url: string, address: string): string {
  const path = /^https?:\/\/[^/]+(\/api\/.*)$/s.exec(url)?.[1];
  return path === undefined ? url : `${address}${path}`;
}

/** Node and others reject an answer whose headers have more than 16 KB in all. */
const maxLinkBytes = 8 * 1024;

/**
 * Each `<URL>` of a `Link` header as one of ours. Every part repeats the query: where that makes the header larger than clients
 * take, only the next page is left, or nothing.
 */
export function linkHeaderToOurs(link: string, address: string): string | undefined {
  const ours = link.replace(/<([^>]*)>/g, (_match, url: string) => `<${toOurs(url, address)}>`);
  if (ours.length <= maxLinkBytes) return ours;
  const next = /<[^>]*>;\s*rel="next"/.exec(ours)?.[0];
  return next && next.length <= maxLinkBytes ? next : undefined;
}

/** A `Link` header whose query parameters are written as the caller wrote them, where they say the same. */
export function asWritten(link: string, rawQueryString: string): string {
  const written = new Map(rawQueryString.split('&').map((part) => [meaningOf(part), part]));
  return link.replace(/(?<=<[^>]*[?&])[^&>]+/g, (part) => {
    const own = written.get(meaningOf(part));
    return own !== undefined && mayStandInLink.test(own) ? own : part;
  });
}

function meaningOf(parameter: string): string {
  return String(new URLSearchParams(parameter));
}

/** Visible ASCII without what ends a link. */
const mayStandInLink = /^[!#-;=?-~]+$/;

/** Members that hold a URL in answers of the import set and attachment APIs. */
const linkMembers = ['record_link', 'download_link'];

/**
 * A body whose links lead to our address: `link` of reference columns, `record_link` of import verdicts, `download_link` of
 * attachments. Only what the instance makes itself is changed; the text of a column that happens to be a URL is not.
 */
export function linksToOurs(body: unknown, address: string): unknown {
  if (!isObject(body) || !('result' in body)) return body;
  const { result } = body;
  const records = Array.isArray(result) ? result : [result];
  const isFromApi =
    'import_set' in body || records.some((record) => isObject(record) && 'download_link' in record);
  const changed = records.map((record: unknown) => recordToOurs(record, address, isFromApi));
  return { ...body, result: Array.isArray(result) ? changed : changed[0] };
}

function recordToOurs(record: unknown, address: string, isFromApi: boolean): unknown {
  if (!isObject(record)) return record;
  const columns = Object.entries(record).map(([name, value]): [string, unknown] => {
    const isLink = isFromApi && typeof value === 'string' && linkMembers.includes(name);
    return [name, isLink ? toOurs(value, address) : referencesToOurs(value, address)];
  });
  return Object.fromEntries(columns);
}

/** References at any depth: the CMDB API holds them in attributes and in lists of relations. Columns hold text, never objects. */
function referencesToOurs(value: unknown, address: string): unknown {
  if (Array.isArray(value)) return value.map((one) => referencesToOurs(one, address));
  if (isReference(value)) return { ...value, link: toOurs(value.link, address) };
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, referencesToOurs(one, address)]),
  );
}

function isReference(value: unknown): value is { readonly link: string } {
  return isObject(value) && 'link' in value && typeof value.link === 'string';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
