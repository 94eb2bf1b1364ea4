import { Agent } from 'node:https';
import { gzipSync } from 'node:zlib';
import ServiceNow from 'servicenow-rest-api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { until } from '../../../until.ts';
import { selfSigned } from '../certificate.ts';

let instance: Instance;
let client: ServiceNow;

beforeAll(async () => {
  const tls = await selfSigned();
  instance = await startInstance({ tls });
  // The client insists on https and on a host with a dot in it.
  client = new ServiceNow(new URL(instance.url).host, instance.username, instance.password);
  client.setNetworkOptions({ httpsAgent: new Agent({ ca: tls.cert }), timeout: 60_000 });
});
afterAll(() => instance.close());

// It prints every URL.
beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** What the client calls back with: the result, or the error of its HTTP library. */
const answered = (start: (callback: (answer: unknown) => void) => void) => new Promise<unknown>(start);

const tls = (path: string) => answered((done) => client.getSampleData(path, done));

describe('servicenow-rest-api from npm', () => {
  it('authenticates', async () => {
    const printed = vi.mocked(console.log);
    client.Authenticate();
    await until(() => expect(printed).toHaveBeenCalledWith('Authenticated'));
  });

  it('gets sample data of a table', async () => {
    expect(await tls('change_request')).toMatchObject([
      { number: expect.stringMatching(/^CHG/), sys_class_name: 'change_request' },
    ]);
  });

  it('gets table data by fields and filters, as display values', async () => {
    const rows = await answered((done) =>
      client.getTableData(
        ['number', 'priority', 'caller_id'],
        ['active=true', 'category=network', 'ORDERBYnumber'],
        'incident',
        done,
      ),
    );
    expect(z.array(z.unknown()).parse(rows).length).toBeGreaterThan(3);
    expect(rows).toMatchObject([
      {
        number: 'INC0000001',
        priority: expect.stringMatching(/^\d - /),
        caller_id: { display_value: expect.any(String), link: expect.stringContaining('https://') },
      },
      ...Array.from({ length: z.array(z.unknown()).parse(rows).length - 1 }, () => expect.anything()),
    ]);
  });

  it('creates a task from display values', async () => {
    const task = await answered((done) =>
      client.createNewTask(
        { short_description: 'by client', impact: '1 - High', caller_id: 'Ada Lindqvist' },
        'incident',
        done,
      ),
    );
    expect(task).toMatchObject({
      short_description: 'by client',
      impact: '1 - High',
      caller_id: { display_value: 'Ada Lindqvist' },
      number: expect.stringMatching(/^INC00100\d\d$/),
    });
  });

  it('finds a sys_id by number', async () => {
    const [row] = await instance.state.store.select('incident', { where: "t0.number = 'INC0000007'" });
    expect(await answered((done) => client.getSysId('incident', 'INC0000007', done))).toBe(row?.['sys_id']);
  });

  it('updates a task by number', async () => {
    const task = await answered((done) =>
      client.UpdateTask('incident', 'INC0000008', { urgency: '1 - High', work_notes: 'seen' }, done),
    );
    expect(task).toMatchObject({
      number: 'INC0000008',
      urgency: '1 - High',
      work_notes: expect.stringContaining('Integration User (Work notes)\nseen'),
    });
  });

  it('deletes a task by number', async () => {
    expect(await answered((done) => client.DeleteTask('incident', 'INC0000009', done))).toMatchObject({
      status: 204,
    });
    expect(instance.state.store.count('incident', { where: "t0.number = 'INC0000009'" })).toBe(0);
  });

  it('gets the tasks of a change by the number of the change', async () => {
    const change = instance.state.store.select('change_request', { where: "t0.number = 'CHG0000001'" })[0];
    instance.state.store.seed('change_task', {
      change_request: change?.['sys_id'] ?? '',
      short_description: 'Step 1',
    });
    expect(await answered((done) => client.getChangeTasks('change_task', 'CHG0000001', done))).toMatchObject([
      { number: expect.stringMatching(/^CTASK/) },
    ]);
  });

  it('gets what is known of attachments, and their bytes', async () => {
    const incident = instance.state.store.select('incident', { where: "t0.number = 'INC0000010'" })[0];
    const owner = incident?.['sys_id'] ?? '';
    const sysId = 'a'.repeat(32);
    const metadata = { sys_id: sysId, file_name: 'a.txt', content_type: 'text/plain', size_bytes: '5' };
    instance.control.seed({
      sys_attachment: [{ ...metadata, table_name: 'incident', table_sys_id: owner }],
      sys_attachment_doc: [
        { sys_attachment: sysId, position: 0, data: gzipSync('hello').toString('base64') },
      ],
    });
    expect(await answered((done) => client.getAttachmentMetaData(sysId, done))).toMatchObject(metadata);
    expect(await answered((done) => client.getAllAttachmentsMetaData(owner, done))).toMatchObject([metadata]);
    expect(await answered((done) => client.getAttachment(sysId, done))).toMatchObject({ data: 'hello' });
  });

  it('sees the refusals of an instance', async () => {
    expect(await tls('u_nowhere')).toMatchObject({
      response: { status: 400, data: { error: { message: 'Invalid table u_nowhere' } } },
    });
  });
});
