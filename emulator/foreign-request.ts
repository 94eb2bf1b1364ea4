import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';

/**
 * This machine: what the stack hands out, names below `localhost`, which lead nowhere else (`bucket.localhost`), and the name that
 * containers on it use; `.internal` is reserved, so that no site can own one.
 */
const localHost = /^(?:127\.0\.0\.1|\[::1\]|(?:[\w-]+\.)*localhost|host\.docker\.internal)(?::\d+)?$/i;

/**
 * Why a request is refused that a site may have caused a browser on this machine to send: by a name of its own that it lets point to
 * 127.0.0.1 (`Host`), or from its own pages (`Origin`, `Sec-Fetch-Site`). Undefined for all others.
 */
function foreignRequest(headers: IncomingHttpHeaders): string | undefined {
  const { host, origin } = headers;
  if (host !== undefined && !localHost.test(host)) return 'Host must be 127.0.0.1 or localhost';
  if (origin !== undefined && !localHost.test(origin.replace(/^https?:\/\//, '')))
    return 'Origin must be a page of this machine';
  if (headers['sec-fetch-site'] === 'cross-site') return 'The request comes from another site';
  return undefined;
}

/** Lets a server answer with 403 to what other sites cause; what listens to its requests already gets all others. */
export function refuseForeign(server: Server): void {
  const answer = server.listeners('request');
  server.removeAllListeners('request').on('request', (request: IncomingMessage, response: ServerResponse) => {
    const reason = foreignRequest(request.headers);
    if (reason === undefined) {
      for (const listener of answer) Reflect.apply(listener, server, [request, response]);
      return;
    }
    response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end(`${reason}\n`);
  });
}
