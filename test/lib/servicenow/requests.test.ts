import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aggregateRequest } from '../../../lib/servicenow/aggregate.ts';
import {
  attachmentFileRequest,
  attachmentRequest,
  deleteAttachmentRequest,
  listAttachmentsRequest,
  multipartUploadRequest,
  renameAttachmentRequest,
  uploadRequest,
} from '../../../lib/servicenow/attachments.ts';
import { batchRequest } from '../../../lib/servicenow/batch.ts';
import type { ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { encodedQuery } from '../../../lib/servicenow/encoded-query.ts';
import {
  importRowRequest,
  importRowStatusRequest,
  insertMultipleRequest,
} from '../../../lib/servicenow/import-sets.ts';
import {
  createRequest,
  deleteRequest,
  getRequest,
  listRequest,
  updateRequest,
} from '../../../lib/servicenow/records.ts';

const table = 'incident';
const sysId = 'a'.repeat(32);
const upload = {
  table,
  sysId,
  fileName: 'a "b".txt',
  contentType: 'text/plain',
  content: Buffer.from('bytes\r\n--x'),
};

/** `GET /api/now/table/incident?sysparm_limit=1 read`: a request in one line. */
function line({ method, path, query, repeatable }: ServiceNowRequest): string {
  return `${method} ${path}${query ? `?${decodeURIComponent(query.toString())}` : ''} ${repeatable}`;
}

describe('a request', () => {
  it('goes to the path of its API, and says whether it may be repeated', () => {
    const all = [
      listRequest({
        table,
        query: encodedQuery().where('active', '=', 'true'),
        fields: ['a', 'b'],
        limit: 1,
      }),
      getRequest({ table, sysId, version: 'v2', displayValue: 'all' }),
      createRequest({ table, record: { sys_id: '' } }),
      createRequest({ table, record: { sys_id: sysId }, inputDisplayValue: true }),
      updateRequest({ table, sysId, record: {} }),
      updateRequest({ table, sysId, record: {}, method: 'PUT' }),
      deleteRequest({ table, sysId }),
      aggregateRequest({ table, version: 'v1', count: true, groupBy: ['state'] }),
      importRowRequest({ stagingTable: 'imp', row: {} }),
      importRowStatusRequest({ stagingTable: 'imp', sysId }),
      insertMultipleRequest({ stagingTable: 'imp', records: [], runAfter: 'z' }),
      listAttachmentsRequest({ limit: 2 }),
      attachmentRequest(sysId),
      attachmentFileRequest(sysId),
      uploadRequest({ ...upload, fileName: 'a.txt' }),
      multipartUploadRequest(upload),
      deleteAttachmentRequest(sysId),
      renameAttachmentRequest(sysId, 'b.txt', 'v1'),
    ];
    expect(all.map(line)).toEqual([
      'GET /api/now/table/incident?sysparm_query=active=true&sysparm_fields=a,b&sysparm_limit=1 read',
      `GET /api/now/v2/table/incident/${sysId}?sysparm_display_value=all read`,
      'POST /api/now/table/incident never',
      'POST /api/now/table/incident?sysparm_input_display_value=true keyed',
      `PATCH /api/now/table/incident/${sysId} never`,
      `PUT /api/now/table/incident/${sysId} never`,
      `DELETE /api/now/table/incident/${sysId} never`,
      'GET /api/now/v1/stats/incident?sysparm_count=true&sysparm_group_by=state read',
      'POST /api/now/import/imp never',
      `GET /api/now/import/imp/${sysId} read`,
      'POST /api/now/import/imp/insertMultiple?run_after=z never',
      'GET /api/now/attachment?sysparm_limit=2 read',
      `GET /api/now/attachment/${sysId} read`,
      `GET /api/now/attachment/${sysId}/file read`,
      `POST /api/now/attachment/file?table_name=incident&table_sys_id=${sysId}&file_name=a.txt never`,
      'POST /api/now/attachment/upload never',
      `DELETE /api/now/attachment/${sysId} never`,
      `PATCH /api/now/v1/attachment/${sysId} never`,
    ]);
  });

  it.each([
    [['read', 'read'], 'read'],
    [['read', 'keyed'], 'keyed'],
    [['keyed', 'never', 'read'], 'never'],
  ] as const)('for a batch of %j may be repeated as %s', (items, expected) => {
    const item = (repeatable: ServiceNowRequest['repeatable']) => ({
      ...getRequest({ table, sysId }),
      repeatable,
    });
    expect(batchRequest(items.map(item), '1').repeatable).toBe(expected);
  });

  it('keeps parameters, pairs and headers that the caller brings', () => {
    const parameters = new URLSearchParams({ sysparm_view: 'mobile' });
    const request = listRequest({
      table,
      parameters,
      pairs: { state: '1' },
      headers: { 'x-a': 'b' },
      limit: 0,
    });
    expect(line(request)).toBe(
      'GET /api/now/table/incident?sysparm_view=mobile&state=1&sysparm_limit=0 read',
    );
    expect(request.headers).toEqual({ 'x-a': 'b' });
    expect(parameters.toString()).toBe('sysparm_view=mobile');
  });
});

describe('a multipart upload', () => {
  it('sends the file as its last part, whatever the name and the bytes hold', async () => {
    const { body, headers } = multipartUploadRequest(upload);
    const form = await new Response(Buffer.from(body as Uint8Array), { headers: headers ?? {} }).formData();
    expect([...form.keys()]).toEqual(['table_name', 'table_sys_id', 'uploadFile']);
    const file = form.get('uploadFile');
    expect(file).toMatchObject({ name: 'a "b".txt', type: 'text/plain' });
    expect(file instanceof File && Buffer.from(await file.arrayBuffer())).toEqual(upload.content);
  });

  it.each(['', 'text', 'text/plain\r\nx: y', 'a b/c'])('refuses the content type %j', (contentType) => {
    for (const build of [uploadRequest, multipartUploadRequest])
      expect(() => build({ ...upload, contentType })).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT', field: 'contentType' }),
      );
  });
});

const anything = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.webPath(),
  fc.constantFrom('..', '%2e%2e', 'a/b', 'a?b', 'a#b', ''),
);

describe('a path', () => {
  it('is changed by no table name and no sys_id: they fit in one segment or are refused', () => {
    fc.assert(
      fc.property(anything, anything, (name, id) => {
        const path = attempt(() => getRequest({ table: name, sysId: id }).path);
        if (path === undefined) return;
        expect(new URL(path, 'https://dev1.service-now.com').pathname).toBe(path);
        expect(path.split('/')).toEqual(['', 'api', 'now', 'table', name, id]);
      }),
      { seed: 11 },
    );
  });

  it.each(['', 'a'.repeat(81), 'in-cident', 'incident ', 'incident/..', 'ïncident', 'incident\n'])(
    'refuses the table name %j',
    (name) => {
      expect(() => listRequest({ table: name })).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT', field: 'tableName' }),
      );
    },
  );

  it.each(['', '..', 'a'.repeat(33), `${'a'.repeat(31)}/`, 'a b'])('refuses the sys_id %j', (id) => {
    expect(() => getRequest({ table, sysId: id })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'sysId' }),
    );
  });
});

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
