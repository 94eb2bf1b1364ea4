import type { IncomingHttpHeaders } from 'node:http';
import type { APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import { decodeSegment, type RouteMatch } from './route-table.ts';

/** A request as it came over the wire. */
export type HttpRequest = {
  readonly method: string;
  /** Path and query as sent, e.g. `/api/now/table/incident?sysparm_limit=1`. */
  readonly target: string;
  /** Lower-case names; repeated ones joined with a comma, except set-cookie. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly sourceIp: string;
  readonly protocol: string;
};

/** What API Gateway would know of itself and of the caller. */
export type ApiContext = {
  readonly accountId: string;
  readonly requestId: string;
  readonly nowMs: number;
};

/** Content types whose body is handed over as text; every other one, and none at all, as base64. Measured on AWS, the docs only say "binary". */
const textTypes = /^(text\/.*|application\/(json|xml|javascript))$/;

/**
 * The event that an HTTP API makes of a request (payload format 2.0).
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function requestEvent(
  request: HttpRequest,
  { route, pathParameters }: RouteMatch,
  { accountId, requestId, nowMs }: ApiContext,
): APIGatewayProxyEventV2WithIAMAuthorizer {
  const [encodedPath = '/', ...queryParts] = request.target.split('?');
  const rawQueryString = queryParts.join('?');
  const rawPath = decodeSegment(encodedPath);
  const { cookie, ...headers } = request.headers;
  const query = joinedQuery(rawQueryString);
  const isBase64Encoded = request.body.length > 0 && !textTypes.test(mediaType(headers['content-type']));
  const host = headers.host ?? 'localhost';
  const routeKey = `${route.method} ${route.path}`;
  return {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString,
    ...(cookie !== undefined && { cookies: cookie.split(/; */) }),
    headers: {
      ...singleValues(headers),
      'x-forwarded-for': request.sourceIp,
      'x-forwarded-port': host.split(':')[1] ?? '80',
      'x-forwarded-proto': 'http',
    },
    ...(Object.keys(query).length > 0 && { queryStringParameters: query }),
    ...(Object.keys(pathParameters).length > 0 && { pathParameters }),
    requestContext: {
      accountId,
      apiId: 'local',
      authorizer: { iam: localCaller(accountId) },
      domainName: host,
      domainPrefix: host.split('.')[0] ?? host,
      http: {
        method: request.method,
        path: rawPath,
        protocol: request.protocol,
        sourceIp: request.sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId,
      routeKey,
      stage: '$default',
      time: clfTime(nowMs),
      timeEpoch: nowMs,
    },
    ...(request.body.length > 0 && { body: request.body.toString(isBase64Encoded ? 'base64' : 'utf8') }),
    isBase64Encoded,
  };
}

/** Who calls, as far as a machine without IAM can say. */
function localCaller(accountId: string) {
  return {
    accessKey: 'local',
    accountId,
    callerId: 'local',
    cognitoIdentity: null,
    principalOrgId: 'local',
    userArn: `arn:aws:iam::${accountId}:user/local`,
    userId: 'local',
  };
}

function mediaType(contentType = ''): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase();
}

function joinedQuery(rawQueryString: string): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(rawQueryString))
    joined[name] = joined[name] === undefined ? value : `${joined[name]},${value}`;
  return joined;
}

function singleValues(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => name !== 'connection');
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : (value ?? '')]),
  );
}

/** As in a common log: `12/Mar/2026:19:03:58 +0000`. */
function clfTime(nowMs: number): string {
  const [, day, month, year, time] = new Date(nowMs).toUTCString().replace(',', '').split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}
