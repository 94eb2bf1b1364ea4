import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';

const require = createRequire(import.meta.url);

/** One call of the generated client: named arguments in, the parsed body out. */
type Call = (data: Record<string, unknown>) => Promise<unknown>;

type GeneratedClient = {
  readonly list: Call;
  readonly create: Call;
  readonly retrieve: Call;
  readonly modify: Call;
  readonly remove: Call;
  readonly update: Call;
};

/** Loads the client that the package generated from ServiceNow's own OpenAPI description of the Table API. */
function loadClient(instance: Instance): GeneratedClient {
  const root = dirname(
    require.resolve('@backstage-community/plugin-scaffolder-backend-module-servicenow/package.json'),
  );
  const generated = join(root, 'dist/generated/now/table');
  const { OpenAPI } = require(join(generated, 'core/OpenAPI.cjs.js'));
  Object.assign(OpenAPI, { BASE: instance.url, USERNAME: instance.username, PASSWORD: instance.password });
  const { DefaultService: service } = require(join(generated, 'services.cjs.js'));
  return {
    list: service.getApiNowTableByTableName,
    create: service.postApiNowTableByTableName,
    retrieve: service.getApiNowTableByTableNameBySysId,
    modify: service.putApiNowTableByTableNameBySysId,
    remove: service.deleteApiNowTableByTableNameBySysId,
    update: service.patchApiNowTableByTableNameBySysId,
  };
}

let instance: Instance;
let client: GeneratedClient;

beforeAll(async () => {
  instance = await startInstance();
  client = loadClient(instance);
});
afterAll(() => instance.close());

const tableName = 'incident';

async function createOne(requestBody: Record<string, unknown>): Promise<string> {
  const created = await client.create({ tableName, requestBody });
  return z.object({ result: z.object({ sys_id: z.string() }) }).parse(created).result.sys_id;
}

describe('the client that Backstage generates', () => {
  it('retrieves records with a query, fields, a limit and display values', async () => {
    const answer = await client.list({
      tableName,
      sysparmQuery: 'numberSTARTSWITHINC00000^ORDERBYnumber',
      sysparmFields: 'number,state,caller_id',
      sysparmLimit: 2,
      sysparmDisplayValue: 'true',
      sysparmExcludeReferenceLink: true,
      sysparmSuppressPaginationHeader: true,
      sysparmNoCount: true,
    });
    expect(answer).toEqual({
      result: [
        { number: 'INC0000001', state: expect.any(String), caller_id: 'Ada Lindqvist' },
        { number: 'INC0000002', state: expect.any(String), caller_id: 'Hiro Tanabe' },
      ],
    });
  });

  it('creates a record', async () => {
    const answer = await client.create({
      tableName,
      sysparmInputDisplayValue: true,
      sysparmFields: 'number,category,short_description',
      requestBody: { short_description: 'by Backstage', category: 'Software' },
    });
    expect(answer).toEqual({
      result: { number: 'INC0010001', category: 'software', short_description: 'by Backstage' },
    });
  });

  it('retrieves, modifies and updates a record', async () => {
    const sysId = await createOne({ short_description: 'first' });
    await client.modify({ tableName, sysId, requestBody: { short_description: 'second' } });
    await client.update({ tableName, sysId, requestBody: { description: 'third' } });
    expect(await client.retrieve({ tableName, sysId, sysparmView: 'unknown' })).toMatchObject({
      result: { sys_id: sysId, short_description: 'second', description: 'third', sys_mod_count: '2' },
    });
  });

  it('deletes a record, and gets 404 afterwards', async () => {
    const sysId = await createOne({});
    expect(await client.remove({ tableName, sysId })).toBeUndefined();
    await expect(client.retrieve({ tableName, sysId })).rejects.toMatchObject({
      name: 'ApiError',
      status: 404,
      message: 'Not Found',
    });
  });

  it('gets the reason why a record is refused', async () => {
    const sysId = await createOne({ number: 'X1' });
    await expect(
      client.create({ tableName, requestBody: { sys_id: sysId, number: 'X1' } }),
    ).rejects.toMatchObject({
      status: 403,
      body: { error: { message: 'Operation Failed', detail: 'Error during insert of incident (X1)' } },
    });
  });
});
