import { importFailure } from '../operations/import-verdict.ts';
import type { ServiceNowResponse } from '../servicenow/call.ts';
import { linksToOurs, toOurs } from './our-address.ts';

/** What API Gateway takes from a function. */
export type HttpAnswer = {
  readonly statusCode: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
};

const passedOn = /^(?:x-total-count|retry-after|x-transaction-id|x-ratelimit-.*|idempotency-.*)$/;

/** ServiceNow's answer as ours: status and body unchanged, `Link` and `Location` on our address. */
export function toAnswer(response: ServiceNowResponse, address: string): HttpAnswer {
  const failed = importFailure(response.body) !== undefined;
  const headers = { ...passOn(response.headers, address), ...(failed && { 'x-import-status': 'error' }) };
  if (response.body === undefined) return { statusCode: response.status, headers };
  return jsonAnswer(response.status, headers, response.body);
}

/** An answer with a JSON body. */
export function jsonAnswer(
  statusCode: number,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): HttpAnswer {
  const contentType = { 'content-type': 'application/json;charset=UTF-8' };
  return { statusCode, headers: { ...contentType, ...headers }, body: JSON.stringify(body) };
}

/** The headers of an instance that our callers get too. @param headers lower-case names */
export function passOn(headers: Readonly<Record<string, string>>, address: string): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => passedOn.test(name));
  const { location } = headers;
  const link = headers['link'] && linksToOurs(headers['link'], address);
  return {
    ...Object.fromEntries(kept),
    ...(link && { link }),
    ...(location && { location: toOurs(location, address) }),
  };
}
