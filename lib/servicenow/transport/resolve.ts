import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A name that must not be connected to: it resolves to a private, loopback, link-local or otherwise special address. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
}

/**
 * Wraps a DNS lookup so that only public addresses come out of it. It sits in the socket's own lookup, so the address
 * that was checked is the address that is connected to, however often the name changes its answer.
 */
export function publicOnly(lookup: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const addresses =
        typeof address === 'string' ? [address] : (address ?? []).map((found) => found.address);
      if (error || addresses.every(isPublic)) return callback(error, address, family);
      callback(
        new ForbiddenAddressError(`${hostname} resolves to an address that is not public`),
        address,
        family,
      );
    });
  };
}

/** True for an address of the public internet, IPv4 addresses carried inside IPv6 ones included. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  const bytes = parsed.toByteArray();
  // NAT64, which IPv6-only subnets use: the last four bytes are the IPv4 address meant.
  if (parsed.range() === 'rfc6052') return isPublic(bytes.slice(-4).join('.'));
  // `::a.b.c.d`, given up by RFC 4291, is no address of anybody, whatever a system makes of it.
  const isIPv4Compatible = bytes.length === 16 && bytes.slice(0, 12).every((byte) => byte === 0);
  return parsed.range() === 'unicast' && !isIPv4Compatible;
}
