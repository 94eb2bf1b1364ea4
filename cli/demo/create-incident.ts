import * as z from 'zod';
import { encodedQuery } from '../../lib/servicenow/encoded-query.ts';
import { expectSame, type Scene } from './scene.ts';

const Record = z.object({
  result: z.object({
    sys_id: z.string(),
    number: z.string(),
    short_description: z.string(),
    urgency: z.string(),
  }),
});

/** Creates an incident over HTTP and reads it back, both through the packaged functions. */
export async function createIncident({ endpoints, instance, say }: Scene): Promise<void> {
  const record = { short_description: 'Disk full on web-01', urgency: '1' };
  const url = `${endpoints.api}/api/now/table/incident`;
  say(`1. HTTP: POST ${url}`);
  const headers = { 'content-type': 'application/json' };
  const created = await fetch(url, { method: 'POST', headers, body: JSON.stringify(record) });
  expectSame('status of the POST', created.status, 201);
  const { sys_id, number } = Record.parse(await created.json()).result;
  const read = await fetch(`${url}/${sys_id}`);
  const { short_description, urgency } = Record.parse(await read.json()).result;
  expectSame('the incident read back', { short_description, urgency }, record);
  const byNumber = encodedQuery().where('number', '=', number);
  expectSame('incidents with that number', await instance.count('incident', byNumber), 1);
  say(`   ${number} created and read back: ${short_description}`);
}
