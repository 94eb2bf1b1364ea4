import type { HttpEvent } from './event.ts';

/**
 * Scheme, host and path prefix under which the caller reached us, e.g. `https://abc.execute-api.eu-west-1.amazonaws.com/dev`.
 * The host is the one that API Gateway routed by; the Host header adds no more to it than a port.
 * @param prefix what stands before `/api/now` in the path
 */
export function ourAddress(event: HttpEvent, prefix: string): string {
  const { domainName = 'localhost', stage = '$default' } = event.requestContext;
  const scheme = event.headers['x-forwarded-proto'] === 'http' ? 'http' : 'https';
  const host = event.headers['host'] ?? '';
  const authority = host.startsWith(`${domainName}:`) && /:\d{1,5}$/.test(host) ? host : domainName;
  // Behind API Gateway's own domain a named stage is part of every path, whether or not rawPath shows it.
  const hidden = prefix === '' && stage !== '$default' && domainName.endsWith('.amazonaws.com');
  return `${scheme}://${authority}${hidden ? `/${stage}` : prefix}`;
}

/** A URL of the instance's REST API as one of ours; anything else is returned as it is. */
export function toOurs(url: string, address: string): string {
  const path = /^https?:\/\/[^/]+(\/api\/.*)$/.exec(url)?.[1];
  return path === undefined ? url : `${address}${path}`;
}

/** Node and others give an answer up whose headers have more than 16 KB in all. */
const maxLinkBytes = 8 * 1024;

/**
 * Each `<URL>` of a `Link` header as one of ours (contract 1.4: one header, parts joined by commas). Every part repeats the
 * query: where that makes the header larger than clients take, the next page alone is left, or nothing.
 */
export function linksToOurs(link: string, address: string): string | undefined {
  const ours = link.replace(/<([^>]*)>/g, (_match, url: string) => `<${toOurs(url, address)}>`);
  if (ours.length <= maxLinkBytes) return ours;
  const next = /<[^>]*>;\s*rel="next"/.exec(ours)?.[0];
  return next && next.length <= maxLinkBytes ? next : undefined;
}
