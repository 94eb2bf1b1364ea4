import type { IncomingMessage } from 'node:http';

/**
 * Why a request is refused that another site may have caused a browser to send: by a name that it lets point to 127.0.0.1 (`Host`),
 * or by a form or script of its own (`Origin`). Undefined for the page's own requests.
 */
export function foreignRequest(request: IncomingMessage, port: number): string | undefined {
  const { host, origin } = request.headers;
  const hosts = ['127.0.0.1', 'localhost'].flatMap((name) => [
    ...(port === 80 ? [name] : []),
    `${name}:${port}`,
  ]);
  if (host === undefined || !hosts.includes(host.toLowerCase())) return `Host must be ${hosts.join(' or ')}`;
  const isOwn = origin !== undefined && hosts.some((own) => origin.toLowerCase() === `http://${own}`);
  if (origin !== undefined && !isOwn) return 'Origin must be the page itself';
  const site = request.headers['sec-fetch-site'];
  // A link from another site may lead here, but that site learns nothing of it.
  const isLink = request.method === 'GET' && request.headers['sec-fetch-mode'] === 'navigate';
  if (typeof site === 'string' && !['same-origin', 'none'].includes(site) && !isLink)
    return 'The request comes from another site';
  if (request.method !== 'GET' && request.method !== 'HEAD' && !isOwn)
    return 'A change needs the Origin of the page';
  return undefined;
}

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** Nothing may frame the page, no script but its own runs, and no other site may read what it serves. */
export const safetyHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': `${policy}; img-src 'self'`,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

/** Swagger UI's pictures are part of its style sheet. */
export const apiPageHeaders: Readonly<Record<string, string>> = {
  ...safetyHeaders,
  'Content-Security-Policy': `${policy}; img-src 'self' data:`,
};

/** A file of the bucket that the page shows may hold anything: it is rendered without scripts and as a stranger. */
export const fileHeaders: Readonly<Record<string, string>> = {
  ...safetyHeaders,
  'Content-Security-Policy':
    "sandbox allow-downloads allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
};
