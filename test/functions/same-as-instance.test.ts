import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOperation } from '../../lib/gateway/http-event.ts';
import { operations } from '../../lib/operations/catalog.ts';
import { type EmulatedDeployment, startDeployment } from './emulated.ts';

const incident = 'a'.repeat(32);
const file = 'f'.repeat(32);
const table = '/api/now/table/incident';
const json = { 'content-type': 'application/json' };

type Sent = {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

let deployment: EmulatedDeployment;

beforeAll(async () => {
  deployment = await startDeployment({}, { demoData: false });
  deployment.instance.control.seed({
    incident: [
      { sys_id: incident, number: 'INC1', short_description: 'one' },
      { number: 'INC2', short_description: 'two' },
      { number: 'INC3', short_description: 'three' },
    ],
    sys_attachment: [{ sys_id: file, table_name: 'incident', table_sys_id: incident, file_name: 'a.txt' }],
  });
});
afterAll(() => deployment.close());

/** Names of members, nested, in place of values: ids and times are never the same twice. Some details are text in one and null in the other. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return value === null ? 'string' : typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, one]) => [name, shapeOf(one)]),
  );
}

const readByClients = ['x-total-count', 'link', 'location', 'content-disposition'];
const present = (has: (name: string) => boolean) => readByClients.filter(has);

async function ofInstance({ method, url, headers, body }: Sent) {
  const { instance } = deployment;
  const authorization = `Basic ${Buffer.from(`${instance.username}:${instance.password}`).toString('base64')}`;
  const answer = await fetch(instance.url + url, {
    method,
    headers: { authorization, ...headers },
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: present((name) => answer.headers.has(name)),
    body: text === '' ? undefined : shapeOf(JSON.parse(text)),
  };
}

async function ofFunction(sent: Sent) {
  const [path = ''] = sent.url.split('?');
  const meant = sent.method === 'HEAD' ? 'GET' : sent.method;
  const answer = await deployment.serve(findOperation(operations, meant, path)).http(sent);
  return {
    status: answer.statusCode,
    headers: present((name) => name in answer.headers),
    body: answer.body === undefined ? undefined : shapeOf(answer.body),
  };
}

const lists = [
  ...['True', 'FALSE', 'tRuE', 'all', '1', 'yes', ''].flatMap((word) =>
    ['display_value', 'exclude_reference_link', 'no_count', 'suppress_pagination_header'].map(
      (name) => `sysparm_limit=1&sysparm_${name}=${word}`,
    ),
  ),
  ...['-1', '0', '%2B2', '99999999999', '9'.repeat(40)].flatMap((number) => [
    `sysparm_limit=${number}`,
    `sysparm_limit=2&sysparm_offset=${number}`,
  ]),
  'sysparm_limit=1&sysparm_limit=2',
  'sysparm_fields=number&sysparm_fields=state',
  'sysparm_query=number=INC1&_=1700000000000&format=json&table_name=incident&number=INC2',
  'sysparm_limt=1',
  'sysparm_query=',
  'number=INC1',
  'number=none',
  'sysparm_query=nosuch=1',
];

const parameters = [
  'sysparm_display_value=True',
  'sysparm_display_value=ALL&sysparm_exclude_reference_link=TRUE',
  'sysparm_input_display_value=False&sysparm_suppress_auto_sys_field=TRUE',
];

const bodies = [
  '',
  '{}',
  'null',
  '{"short_description":null}',
  '{"nosuch":{"a":[1]}}',
  '"text"',
  '7',
  '{"a":1,}',
];

const requests: readonly Sent[] = [
  ...lists.map((query) => ({ method: 'GET', url: `${table}?${query}` })),
  ...['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'].flatMap((method) =>
    ['%20', "'", '%22', 'x', '%5E', '%2F', 'no%20such%20id', 'A'.repeat(99)].map((sysId) => ({
      method,
      url: `${table}/${sysId}`,
      ...(method.startsWith('P') && { headers: json, body: '{}' }),
    })),
  ),
  ...['POST', 'PATCH', 'PUT'].flatMap((method) => {
    const url = method === 'POST' ? table : `${table}/${incident}`;
    return [
      ...bodies.map((body) => ({ method, url, headers: json, body })),
      ...parameters.map((query) => ({
        method,
        url: `${url}?${query}`,
        headers: json,
        body: '{"urgency":"2"}',
      })),
    ];
  }),
  { method: 'POST', url: table },
  { method: 'POST', url: table, headers: { 'content-type': 'text/json' }, body: '{"urgency":"1"}' },
  { method: 'HEAD', url: `${table}?sysparm_limit=1` },
  { method: 'HEAD', url: `${table}/${incident}` },
  ...['A'.repeat(500), 'a-b', 'nosuch', '%20'].flatMap((name) => [
    { method: 'GET', url: `/api/now/table/${name}` },
    { method: 'GET', url: `/api/now/table/${name}/x` },
    { method: 'POST', url: `/api/now/table/${name}`, headers: json, body: '{}' },
    { method: 'GET', url: `/api/now/stats/${name}?sysparm_count=true` },
  ]),
  ...['True', 'false', 'ALL', '1'].map((word) => ({
    method: 'GET',
    url: `/api/now/stats/incident?sysparm_count=${word}&sysparm_group_by=state&sysparm_display_value=${word}`,
  })),
  { method: 'GET', url: `/api/now/attachment/${file}` },
  { method: 'GET', url: '/api/now/attachment?sysparm_limit=1&_=3' },
  { method: 'GET', url: '/api/now/attachment/%20' },
  { method: 'DELETE', url: "/api/now/attachment/'" },
  { method: 'GET', url: '/api/now/import/imp_user/%20' },
  { method: 'GET', url: '/api/now/cmdb/instance/cmdb_ci_server/%20' },
  { method: 'GET', url: '/api/now/cmdb/instance/nosuch' },
];

/** Where a request is written down twice, only once. */
const distinct = [...new Map(requests.map((sent) => [JSON.stringify(sent), sent])).values()];

describe('a function answers as the instance does', () => {
  it.each(
    distinct.map((sent) => [`${sent.method} ${sent.url.slice(0, 120)} ${sent.body ?? ''}`, sent] as const),
  )('%s', async (_, sent) => {
    const [expected, actual] = [await ofInstance(sent), await ofFunction(sent)];
    expect(actual).toEqual(expected);
  });
});
