import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { bareNames } from '../lib/gateway/http-query.ts';
import { operations } from '../lib/operations/catalog.ts';
import type { Operation, Route } from '../lib/operations/define-operation.ts';
import { postMethodOverride } from '../lib/operations/method-override.ts';
import { toCamelCase } from '../lib/operations/parameters.ts';
import { projectRoot } from './bundle.ts';

type Json = { readonly [name: string]: unknown };

/** Bodies and answers that show how the operations with a body are used. */
const examples: Readonly<Record<string, { readonly request?: Json; readonly answer?: Json }>> = {
  postRecord: {
    request: { short_description: 'Disk full on web-01', urgency: '1' },
    answer: { result: { sys_id: 'c0ffee00c0ffee00c0ffee00c0ffee00', number: 'INC0010001', urgency: '1' } },
  },
  putRecordById: { request: { state: '2', work_notes: 'Under investigation' } },
  patchRecordById: { request: { state: '2', work_notes: 'Under investigation' } },
  postRecordStagingTable: { request: { u_user_id: 'ada.example', u_first_name: 'Ada' } },
  postRecordsStagingTable: { request: { records: [{ 'User ID': 'ada.example', 'First name': 'Ada' }] } },
  patchAttachmentById: { request: { file_name: 'screen.png' } },
  postCmdbInstance: {
    request: { attributes: { name: 'web-01', ip_address: '10.0.0.5' }, source: 'ServiceNow' },
  },
  patchCmdbInstance: { request: { attributes: { ip_address: '10.0.0.6' }, source: 'ServiceNow' } },
  postCmdbRelation: {
    request: {
      outbound_relations: [
        { type: '60bc4e22c0a8010e01f074cbe6bd73c3', target: 'c0ffee00c0ffee00c0ffee00c0ffee00' },
      ],
      source: 'ServiceNow',
    },
  },
  postServiceCatalog: { request: { sysparm_quantity: '1', variables: {} } },
  putCartItem: { request: { sysparm_quantity: '2' } },
  postBatch: {
    request: {
      batch_request_id: '1',
      rest_requests: [{ id: '1', method: 'GET', url: '/api/now/table/incident?sysparm_limit=1' }],
    },
  },
  postTinyUrl: { request: { url: 'api/now/table/incident?sysparm_query=active=true' } },
  postSignal: {
    request: {
      signal: 'open',
      source: 'orders',
      key: 'import',
      at: '2026-11-29T08:00:00Z',
      eventId: 'orders-1',
      fields: { short_description: 'The import of orders has stopped' },
    },
  },
  getRecords: { answer: { result: [{ sys_id: 'c0ffee00c0ffee00c0ffee00c0ffee00', number: 'INC0010001' }] } },
};

/** The HTTP API as OpenAPI 3.1, made from the operations that serve it. */
export function openApiDocument(): Json {
  const { version }: { version: string } = JSON.parse(
    readFileSync(join(projectRoot, 'package.json'), 'utf8'),
  );
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations)
    for (const [index, route] of operation.routes.entries()) {
      const path = pathOf(route);
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(operation, route, path, index) };
    }
  return {
    openapi: '3.1.0',
    info: {
      title: 'servicenow-functions',
      version,
      description:
        "ServiceNow's REST APIs on an AWS endpoint. Paths, parameters, bodies and errors are ServiceNow's own; every path below /api/now works with /api/now/v1 and /api/now/v2 too.",
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      { url: 'http://127.0.0.1:4600', description: 'npm start' },
      {
        url: 'https://{apiId}.execute-api.{region}.amazonaws.com',
        description: 'a deployment',
        variables: { apiId: { default: 'api-id' }, region: { default: 'us-east-1' } },
      },
    ],
    security: [{ sigv4: [] }, { jwt: [] }, {}],
    paths,
    components: {
      securitySchemes: {
        sigv4: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'AWS Signature Version 4 for execute-api (authorizer: iam)',
        },
        jwt: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      },
      headers: sharedHeaders(),
      schemas: { Error: errorSchema, GatewayError: gatewayErrorSchema },
    },
  };
}

const errorSchema = {
  type: 'object',
  description: "ServiceNow's error envelope. The header x-error-code names the kind of error.",
  required: ['error', 'status'],
  properties: {
    error: {
      type: 'object',
      required: ['message'],
      properties: { message: { type: 'string' }, detail: { type: ['string', 'null'] } },
    },
    status: { const: 'failure' },
  },
  examples: [
    {
      error: {
        message: 'No Record found',
        detail: 'Record doesn’t exist or ACL restricts the record retrieval',
      },
      status: 'failure',
    },
  ],
};

/** What API Gateway itself says of a call that reaches no function: 401, 403, 404. */
const gatewayErrorSchema = {
  type: 'object',
  required: ['message'],
  properties: { message: { type: 'string' } },
  examples: [{ message: 'Unauthorized' }],
};

function describe(operation: Operation, route: Route, path: string, index: number): Json {
  const { name, body } = operation;
  const variables = Array.from(path.matchAll(/\{(\w+)\}/g), ([, variable = '']) => variable);
  const { properties, required } = shapeOf(operation);
  // What a call with a body cannot do without is in the body.
  const isInBody = (parameter: string) =>
    body === 'parameters' && required.includes(parameter) && !variables.includes(parameter);
  const parameters = Object.entries(properties).flatMap(([parameter, schema]) =>
    isInBody(parameter) ? [] : parameterOf(parameter, schema, variables),
  );
  const unlisted = variables.filter((variable) => !Object.hasOwn(properties, variable));
  const request = body && bodyOf(operation, properties, required, variables);
  const override = name === postMethodOverride.name ? overrideOf(path) : undefined;
  const answer = examples[name]?.answer;
  return {
    operationId: index === 0 ? name : `${name}${index + 1}`,
    summary: spelledOut(name),
    tags: [path.split('/')[route.isOwn ? 1 : 3] ?? 'other'],
    parameters: [
      ...unlisted.map((variable) => ({
        name: variable,
        in: 'path',
        required: true,
        schema: { type: 'string' },
      })),
      ...parameters,
      ...(override ? [override.header] : []),
      ...Object.entries(requestHeaders).map(([name, description]) => ({
        name,
        in: 'header',
        description,
        schema: { type: 'string' },
      })),
    ],
    ...(request && { requestBody: request }),
    ...(override?.body && { requestBody: override.body }),
    responses: {
      '2XX': {
        description: "ServiceNow's answer",
        headers: refsTo(answerHeaders),
        ...contentOf(name, route, answer),
      },
      default: {
        description: 'An error',
        headers: refsTo(errorHeaders),
        content: {
          'application/json': {
            schema: { anyOf: [refTo('schemas', 'Error'), refTo('schemas', 'GatewayError')] },
          },
        },
      },
    },
  };
}

/** What a POST needs that stands for another method of its path. */
function overrideOf(path: string): { readonly header: Json; readonly body?: Json } {
  const others = operations.flatMap((operation) =>
    operation.routes
      .filter((route) => pathOf(route) === path && operation !== postMethodOverride)
      .map(({ method }) => ({ method, operation })),
  );
  const methods = others.map(({ method }) => method);
  const isWrite = methods.some((method) => method === 'PUT' || method === 'PATCH');
  const [example] = others.flatMap(({ operation: { name } }): Json[] => {
    const request = examples[name]?.request;
    return request ? [request] : [];
  });
  const schema = { type: 'object', description: 'The body of that method.', additionalProperties: true };
  return {
    header: {
      name: 'X-HTTP-Method-Override',
      in: 'header',
      required: true,
      description: 'The method that the POST stands for; the param methodOverrides has to name it',
      schema: { enum: [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])] },
    },
    ...(isWrite && { body: { content: { 'application/json': { schema, ...(example && { example }) } } } }),
  };
}

/** The path of a route as callers write it. */
function pathOf(route: Route): string {
  return route.isOwn ? route.path : `/api/${route.namespace ?? 'now'}${route.path}`;
}

/** What an answer holds: the bytes of a file, nothing after a deletion, else JSON. */
function contentOf(name: string, { method }: Route, example: Json | undefined): Json {
  if (method === 'DELETE') return {};
  const schema = { type: 'string', format: 'binary' };
  if (name === 'getAttachmentFile') return { content: { '*/*': { schema } } };
  return { content: { 'application/json': { schema: {}, ...(example && { example }) } } };
}

/** Headers that every operation takes, and those of answers and errors. */
const requestHeaders = {
  'X-ServiceNow-Instance': 'Which instance, where the deployment has several',
  'X-Correlation-Id': 'Stands in every log line of the call',
};
const answerHeaders = {
  Link: 'Further pages, as ServiceNow links them',
  'X-Total-Count': 'How many records there are on all pages',
  'Idempotency-Replayed': '`true` where the call had been carried out before',
};
const errorHeaders = {
  'x-error-code': 'The kind of error',
  'Retry-After': 'Seconds after which to try again',
};

const refTo = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` });

function refsTo(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, refTo('headers', name)]));
}

function sharedHeaders(): Json {
  const headers = Object.entries({ ...answerHeaders, ...errorHeaders });
  const schema = { type: 'string' };
  return Object.fromEntries(headers.map(([name, description]) => [name, { description, schema }]));
}

type Shape = { readonly properties: Readonly<Record<string, Json>>; readonly required: readonly string[] };

const jsonShape = z.object({
  properties: z._default(z.record(z.string(), z.record(z.string(), z.unknown())), {}),
  required: z._default(z.array(z.string()), []),
});

/** The parameters as JSON Schemas; what only a program can check is left out of them. */
function shapeOf({ schema }: Operation): Shape {
  return jsonShape.parse(
    z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target: 'draft-2020-12' }),
  );
}

function parameterOf(name: string, schema: Json, variables: readonly string[]): Json[] {
  if (variables.includes(name)) return [{ name, in: 'path', required: true, schema: textual(schema) }];
  if (name === 'apiVersion') return [];
  if (name === 'idempotencyKey')
    return [
      {
        name: 'Idempotency-Key',
        in: 'header',
        description: 'Repeating the call with it has no second effect',
        schema,
      },
    ];
  if (name === 'keyValuePairs')
    return [
      {
        name: 'columns',
        in: 'query',
        description: 'column=value pairs, instead of sysparm_query',
        style: 'form',
        explode: true,
        schema: { type: 'object', additionalProperties: { type: 'string' } },
        // Without one, a renderer makes up columns and sends them.
        example: {},
      },
    ];
  const query = toSnakeCase(name);
  const isQuery = name.startsWith('sysparm') || bareNames.has(query);
  if (isQuery && wholeNumbers.has(query))
    return [{ name: query, in: 'query', schema: { type: 'string', pattern: '^[+-]?\\d+$' } }];
  return isQuery ? [{ name: query, in: 'query', schema: textual(schema) }] : [];
}

const wholeNumbers = new Set(['sysparm_limit', 'sysparm_offset']);

/** In a URL everything is text. */
function textual(schema: Json): Json {
  return Object.keys(schema).length === 0 || 'anyOf' in schema ? { type: 'string' } : schema;
}

function bodyOf(
  { name, body, parameterNames }: Operation,
  properties: Shape['properties'],
  required: readonly string[],
  variables: readonly string[],
): Json {
  if (body === 'file')
    return {
      required: true,
      content: {
        'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
        'multipart/form-data': { schema: formSchema },
      },
    };
  const isOwn = (parameter: string) =>
    parameterOf(parameter, {}, variables).length === 0 && parameter !== 'apiVersion';
  const ofBody = required.filter((parameter) => !variables.includes(parameter));
  const own = Object.entries(properties).filter(
    ([parameter]) => ofBody.includes(parameter) || isOwn(parameter),
  );
  const named = (parameter: string) => inServiceNow(parameter, parameterNames);
  const schema =
    body === 'parameters'
      ? {
          type: 'object',
          properties: Object.fromEntries(own.map(([parameter, value]) => [named(parameter), value])),
          required: ofBody.map(named),
        }
      : { type: 'object', description: 'Columns and their values.', additionalProperties: true };
  const example = examples[name]?.request;
  return {
    required: body !== 'optional-record',
    content: { 'application/json': { schema, ...(example && { example }) } },
  };
}

const formSchema = {
  type: 'object',
  properties: {
    table_name: { type: 'string' },
    table_sys_id: { type: 'string' },
    uploadFile: { type: 'string', format: 'binary' },
  },
};

/** The name that ServiceNow gives a member of a body, where the operation knows it. */
function inServiceNow(name: string, known: readonly string[]): string {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return known.includes(snake) ? snake : name;
}

/** `sysparmDisplayValue` as `sysparm_display_value`, the reverse of `toCamelCase`. */
function toSnakeCase(name: string): string {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return toCamelCase(snake) === name ? snake : name;
}

function spelledOut(name: string): string {
  const words = name.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
