import { expect, it, onTestFinished } from 'vitest';
import { getRecords } from '../../lib/operations/table.ts';
import { postTinyUrl } from '../../lib/operations/tiny-url.ts';
import { startDeployment } from './emulated.ts';

async function openDeployment(environment: Record<string, string> = {}) {
  const deployment = await startDeployment(environment);
  onTestFinished(() => deployment.close());
  deployment.instance.state.store.seed('incident', { number: 'TINY' });
  return deployment;
}

it('keeps a long query under a short name that any list takes', async () => {
  const deployment = await openDeployment();
  const query = encodeURIComponent(`number=TINY${'^ORnumber=none'.repeat(500)}`);
  const url = `https://abc.example/dev/api/now/table/incident?sysparm_fields=number&sysparm_query=${query}`;
  const body = JSON.stringify({ url });
  const made = await deployment.serve(postTinyUrl).http({ method: 'POST', url: '/api/now/tinyurl', body });
  expect(made).toMatchObject({
    statusCode: 201,
    body: { result: expect.stringMatching(/^incident_list\.do\?sysparm_tiny=/) },
  });
  const tiny = String(Object(made.body).result).split('?')[1];
  const listed = await deployment.serve(getRecords).http({ url: `/api/now/table/incident?${tiny}` });
  expect(listed).toMatchObject({ statusCode: 200, body: { result: [{ number: 'TINY' }] } });
});

it('is refused where it would hide what a query reads, or without a URL of the API', async () => {
  const bounded = await openDeployment({ ALLOWED_TABLES: 'incident' });
  const event = { url: '/api/now/table/incident?sysparm_fields=caller_id.name' };
  await expect(bounded.serve(postTinyUrl).invoke(event)).rejects.toMatchObject({
    name: 'TableNotAllowedError',
  });
  const open = await openDeployment();
  for (const url of ['https://evil.example/', 'x', ''])
    await expect(open.serve(postTinyUrl).invoke({ url })).rejects.toThrow(/^url: /);
});
