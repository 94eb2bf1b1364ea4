import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { openApiDocument } from '../../deploy/openapi.ts';
import { operations } from '../../lib/operations/catalog.ts';

const document = z
  .object({
    paths: z.record(
      z.string(),
      z.record(
        z.string(),
        z.object({
          operationId: z.string(),
          parameters: z.array(
            z.object({
              name: z.string(),
              in: z.string(),
              required: z.boolean().optional(),
              schema: z.object({ enum: z.array(z.string()).optional() }).optional(),
            }),
          ),
          requestBody: z
            .object({
              content: z.record(
                z.string(),
                z.object({ schema: z.record(z.string(), z.unknown()), example: z.unknown().optional() }),
              ),
            })
            .optional(),
        }),
      ),
    ),
  })
  .parse(JSON.parse(JSON.stringify(openApiDocument())));
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method: method.toUpperCase(),
    ...operation,
  })),
);

it('is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(openApiDocument())));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
});

it('describes every route that is deployed, and no other, each under a name of its own', () => {
  const deployed = operations.flatMap(({ routes }) =>
    routes.map(
      ({ method, path, isOwn, namespace = 'now' }) => `${method} ${isOwn ? '' : `/api/${namespace}`}${path}`,
    ),
  );
  expect(described.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(
    [...new Set(deployed)].toSorted(),
  );
  const ids = described.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

it('says what files and deletions answer, and that API Gateway answers errors of its own', () => {
  const answers = z.object({ content: z.record(z.string(), z.unknown()).optional() });
  const responses = z.object({ responses: z.object({ '2XX': answers, default: z.unknown() }) });
  const paths = z
    .record(z.string(), z.record(z.string(), responses))
    .parse(JSON.parse(JSON.stringify(openApiDocument()))['paths'] ?? {});
  const of = (path: string, method: string) => paths[path]?.[method]?.responses;
  expect(Object.keys(of('/api/now/attachment/{sysId}/file', 'get')?.['2XX'].content ?? {})).toEqual(['*/*']);
  expect(of('/api/now/table/{tableName}/{sysId}', 'delete')?.['2XX'].content).toBeUndefined();
  expect(JSON.stringify(of('/api/now/table/{tableName}', 'get')?.default)).toContain('schemas/GatewayError');
});

it('gives the Service Catalog its own place', () => {
  expect(Object.keys(document.paths)).toContain('/api/sn_sc/servicecatalog/{resource}');
});

it('lists every variable of a path once, and the names that ServiceNow gives its parameters', () => {
  for (const { path, parameters } of described) {
    const variables = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    expect(
      parameters
        .filter((one) => one.in === 'path')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(variables.toSorted());
  }
  const listed = described
    .find(({ operationId }) => operationId === 'getRecords')
    ?.parameters.map(({ name }) => name);
  expect(listed).toEqual(
    expect.arrayContaining(['sysparm_query', 'sysparm_limit', 'sysparm_fields', 'sysparm_display_value']),
  );
});

it('says which methods a POST may stand for, where a POST means nothing by itself', () => {
  const methodsOf = (path: string) => {
    const post = described.find((one) => one.path === path && one.method === 'POST');
    const header = post?.parameters.find(({ name }) => name === 'X-HTTP-Method-Override');
    return {
      methods: header?.schema?.enum,
      isRequired: header?.required,
      body: post?.requestBody !== undefined,
    };
  };
  expect(methodsOf('/api/now/table/{tableName}/{sysId}')).toEqual({
    methods: ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'],
    isRequired: true,
    body: true,
  });
  expect(methodsOf('/api/now/stats/{tableName}')).toEqual({
    methods: ['GET', 'HEAD'],
    isRequired: true,
    body: false,
  });
  expect(methodsOf('/api/now/table/{tableName}').methods).toBeUndefined();
});

it('has an example for every JSON body, which its own schema accepts', () => {
  const bodies = described.flatMap(({ operationId, requestBody }) => {
    const json = requestBody?.content['application/json'];
    return json ? [{ operationId, ...json }] : [];
  });
  expect(bodies.length).toBeGreaterThan(10);
  const ajv = new Ajv2020({ strict: false });
  for (const { operationId, schema, example } of bodies) {
    expect(example, operationId).toBeDefined();
    const members = { ...schema, additionalProperties: 'properties' in schema ? false : {} };
    expect(ajv.validate(members, example), `${operationId}: ${ajv.errorsText()}`).toBe(true);
  }
});

it('names the members of a body as ServiceNow does', () => {
  const batch = described.find(({ operationId }) => operationId === 'postBatch');
  expect(batch?.requestBody?.content['application/json']?.schema).toMatchObject({
    properties: { batch_request_id: {}, rest_requests: {} },
    required: ['rest_requests'],
  });
});

it('is the document in docs/openapi.json: run npm run openapi after a change', () => {
  expect(JSON.parse(readFileSync('docs/openapi.json', 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(openApiDocument())),
  );
});
