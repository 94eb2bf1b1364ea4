import type { OutgoingHttpHeaders } from 'node:http';

/** Nothing that an instance answers may be cached. */
export const noCaching = {
  Pragma: 'no-store,no-cache',
  'Cache-Control': 'no-cache,no-store,must-revalidate,max-age=-1',
  Expires: '0',
} as const;

/**
 * What an instance puts on every answer of its own (recorded 2018 to 2026). `loggedIn` is undefined on a 401, which
 * carries neither X-Is-Logged-In nor a transaction id. `sessionId` is that of a session which the answer opens.
 */
export function standardHeaders(
  transactionId: string,
  loggedIn: boolean | undefined,
  waits: { readonly semaphoreMs: number; readonly sessionMs: number },
  sessionId: string | undefined,
): OutgoingHttpHeaders {
  return {
    Server: 'ServiceNow',
    ...(loggedIn !== undefined && { 'X-Is-Logged-In': String(loggedIn) }),
    ...(loggedIn !== undefined && { 'X-Transaction-ID': transactionId }),
    'Server-Timing': `${loggedIn === undefined ? '' : `t;desc="${transactionId}", `}sem_wait;dur=${Math.round(waits.semaphoreMs)}, sesh_wait;dur=${Math.round(waits.sessionMs)}`,
    ...noCaching,
    'X-Content-Type-Options': 'nosniff',
    'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
    ...(sessionId !== undefined && { 'Set-Cookie': sessionCookies(sessionId) }),
  };
}

function sessionCookies(session: string): string[] {
  return [
    `JSESSIONID=${session}; Path=/; HttpOnly; SameSite=None; Secure`,
    'glide_user=; Max-Age=0; Expires=Thu, 01-Jan-1970 00:00:10 GMT; Path=/; HttpOnly; SameSite=None; Secure',
    'glide_user_session=; Max-Age=0; Expires=Thu, 01-Jan-1970 00:00:10 GMT; Path=/; HttpOnly; SameSite=None; Secure',
    `glide_user_route=glide.${session.toLowerCase()}; Max-Age=2147483647; Path=/; HttpOnly; SameSite=None; Secure`,
    `glide_node_id_for_js=${session.toLowerCase()}${session.toLowerCase()}; Path=/; Secure`,
    'glide_session_store=; Max-Age=300; Path=/; HttpOnly; SameSite=None; Secure',
    'BIGipServerpool_emulator=0000000000.00000.0000; path=/; Httponly; Secure; SameSite=None; Secure',
  ];
}
